"""The folder of a git repository, and the lock files that a killed git leaves in it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

_STALE_SECONDS = 4.0
"""A lock file that nobody touches for so long is one of a git that was killed: git holds them for milliseconds."""
_LONG_AGO_SECONDS = 600.0
_PAUSE = 0.1
_LOCK = ".lock"
_OURS = "rollout-spec.lock"
Fact = tuple[int, int, int]


def git_folder(root: Path) -> Path | None:
    """Return where git keeps what it knows of a clone, a linked worktree, a submodule or a bare repository."""
    place = root / ".git"
    if place.is_file():
        place = root / place.read_text("utf-8", "replace").removeprefix("gitdir:").strip()
    found = place if place.is_dir() else root
    return found.resolve() if (found / "HEAD").is_file() else None


def common_folder(folder: Path) -> Path:
    """Return the folder that all worktrees of a repository share."""
    shared = folder / "commondir"
    return (folder / shared.read_text("utf-8").strip()).resolve() if shared.is_file() else folder


def lock_files(folder: Path) -> Iterator[Path]:
    """Give the lock files of a bare repository: beside its files, its refs and its commit-graph."""
    yield from folder.glob(f"*{_LOCK}")
    yield from (folder / "refs").rglob(f"*{_LOCK}")
    yield from (folder / "objects").glob(f"*{_LOCK}")
    yield from (folder / "objects/info").rglob(f"*{_LOCK}")


def clear_locks(paths: Iterable[Path]) -> list[Path]:
    """Remove lock files whose git was killed, and return them. One that is young is watched for some seconds.

    Only the holder of the lock of the repository may call this.
    """
    found = {path: fact for path in paths if path.name != _OURS and (fact := _fact(path)) is not None}
    end = time.monotonic() + _STALE_SECONDS
    while _young(found) and time.monotonic() < end:
        time.sleep(_PAUSE)
        found = {path: fact for path, fact in found.items() if _fact(path) == fact}
    removed = []
    for path, fact in found.items():
        if _fact(path) == fact:
            with suppress(OSError):
                path.unlink()
                removed.append(path)
    return removed


def _young(found: dict[Path, Fact]) -> bool:
    now = time.time_ns()
    return any(now - changed < _LONG_AGO_SECONDS * 1e9 for _, _, changed in found.values())


def _fact(path: Path) -> Fact | None:
    """Return which file is there, and when it was written; None if there is none."""
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
