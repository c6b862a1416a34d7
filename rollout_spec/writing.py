"""A file on disk is written whole or not at all, and never through a link.

Paths are below a folder that may itself be reached through a link.
"""

from __future__ import annotations

import os
import posixpath
import tempfile
from collections.abc import Iterable
from pathlib import Path

from rollout_spec.errors import UserError
from rollout_spec.links import HINT, Links


def refuse_links(root: Path, paths: Iterable[str]) -> None:
    """UserError where one of the paths below a folder is a link, or goes through one."""
    links = Links(root)
    for path in paths:
        link = links.of_file(posixpath.normpath(path))
        if link is not None:
            raise UserError(f"{root / link} is a link or a submodule, and nothing is written through it", hint=HINT)


def write(root: Path, name: str, content: bytes) -> None:
    """Put a file in place in one move, with its folders. UserError where the disk says no."""
    refuse_links(root, [name])
    path = root / name
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask()
        handle, part = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            Path(part).chmod(mode)
            Path(part).replace(path)
        except BaseException:
            Path(part).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}") from None


def remove(root: Path, name: str) -> None:
    """Take a file away, and its folder when that was the last one. UserError where the disk says no."""
    refuse_links(root, [name])
    path = root / name
    try:
        path.unlink(missing_ok=True)
        if not any(path.parent.iterdir()):
            path.parent.rmdir()
    except OSError as error:
        raise UserError(f"{path} cannot be removed: {error.strerror}") from None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
