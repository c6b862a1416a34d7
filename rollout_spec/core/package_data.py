"""Shipped templates, policies, schemas, examples and CI jobs.

In a checkout they are beside the package, in a wheel inside it.
"""

from __future__ import annotations

from pathlib import Path

_BUNDLED = Path(__file__).parent.parent / "_data"
_ROOT = _BUNDLED if _BUNDLED.is_dir() else Path(__file__).parent.parent.parent


def find(path: str) -> Path:
    """Return the path of a shipped file or folder, such as ``templates/kserve``. It need not exist."""
    return _ROOT.joinpath(*path.split("/"))


def read(path: str) -> bytes:
    """Return the bytes of a shipped file, such as ``policies/baseline.yaml``."""
    return find(path).read_bytes()


def names(folder: str) -> list[str]:
    """Return the sorted names of the entries of a shipped folder."""
    path = find(folder)
    return sorted(entry.name for entry in path.iterdir()) if path.is_dir() else []
