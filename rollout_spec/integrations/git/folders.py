"""The folder of a git repository, and the lock files that a killed git leaves in it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

_STALE_SECONDS = 4.0
"""A lock file that is unchanged for so long belongs to a killed git: git holds one for milliseconds."""
_LONG_AGO_SECONDS = 600.0
_PAUSE = 0.1
_LOCK = ".lock"
_OURS = "rollout-spec.lock"
Fact = tuple[int, int, int]


def git_folder(root: Path) -> Path | None:
    """Return the git folder of a clone, worktree, submodule or bare repository; None if there is none."""
    dot_git = root / ".git"
    if dot_git.is_file():
        dot_git = root / dot_git.read_text("utf-8", "replace").removeprefix("gitdir:").strip()
    folder = dot_git if dot_git.is_dir() else root
    return folder.resolve() if (folder / "HEAD").is_file() else None


def common_folder(folder: Path) -> Path:
    """Return the folder that all worktrees of a repository share."""
    commondir_file = folder / "commondir"
    return (folder / commondir_file.read_text("utf-8").strip()).resolve() if commondir_file.is_file() else folder


def lock_files(folder: Path) -> Iterator[Path]:
    """Yield the lock files of a bare repository: of its files, refs and commit-graph."""
    yield from folder.glob(f"*{_LOCK}")
    yield from (folder / "refs").rglob(f"*{_LOCK}")
    yield from (folder / "objects").glob(f"*{_LOCK}")
    yield from (folder / "objects/info").rglob(f"*{_LOCK}")


def clear_locks(paths: Iterable[Path]) -> list[Path]:
    """Remove the lock files of killed gits, and return them.

    A young one is watched for some seconds first. Only the holder of the repository's lock may call this.
    """
    locks = {path: fact for path in paths if path.name != _OURS and (fact := _fact(path)) is not None}
    end = time.monotonic() + _STALE_SECONDS
    while _young(locks) and time.monotonic() < end:
        time.sleep(_PAUSE)
        locks = {path: fact for path, fact in locks.items() if _fact(path) == fact}
    removed = []
    for path, fact in locks.items():
        if _fact(path) == fact:
            with suppress(OSError):
                path.unlink()
                removed.append(path)
    return removed


def _young(locks: dict[Path, Fact]) -> bool:
    now = time.time_ns()
    return any(now - changed < _LONG_AGO_SECONDS * 1e9 for _, _, changed in locks.values())


def _fact(path: Path) -> Fact | None:
    """Return the inode, size and modification time of a file; None if absent."""
    try:
        status = path.lstat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns
