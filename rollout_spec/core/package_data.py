"""Templates, policies, schemas and examples lie beside the package in a checkout, and inside it in a wheel."""

from __future__ import annotations

from pathlib import Path

_BUNDLED = Path(__file__).parent.parent / "_data"
_ROOT = _BUNDLED if _BUNDLED.is_dir() else Path(__file__).parent.parent.parent


def find(path: str) -> Path:
    """Return one shipped file or folder, such as ``templates/kserve``; it need not exist."""
    return _ROOT.joinpath(*path.split("/"))


def read(path: str) -> bytes:
    """Return the bytes of one shipped file, such as ``policies/baseline.yaml``."""
    return find(path).read_bytes()


def names(folder: str) -> list[str]:
    """Return the names of what lies in one shipped folder, sorted."""
    place = find(folder)
    return sorted(entry.name for entry in place.iterdir()) if place.is_dir() else []
