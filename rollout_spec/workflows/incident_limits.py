"""Limits of the incidents that are read from branches: anybody may push large ones, and many.

An incident of ours has a few KiB. What is not read puts every known-good version in doubt.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from functools import lru_cache

from rollout_spec.spec.incident import Incident
from rollout_spec.workflows.base_branch import Base
from rollout_spec.workspace.loader import read_file

_LARGEST = 64 * 1024
_LARGEST_TOGETHER = 2 * _LARGEST
"""The bytes of one incident on a branch, and of all that one branch has."""
_MOST_OF_BRANCH = 20
_MOST_BYTES = 2 * 1024**2
_MOST_SECONDS = 5.0
"""What all incidents on branches may have, and take: the smallest branches are read first."""
_LARGEST_FOLDER = 16 * 1024**2
_MOST_SECONDS_TO_LIST = 20.0
"""The bytes of a folder that is listed, and the time to list those of all branches."""


@lru_cache(maxsize=4096)
def read_incident(path: str, content: bytes) -> Incident | None:
    """Return an incident that a branch has, None if it does not load. Each breach of a payload asks again."""
    return read_file(path, "Incident", content).model


def listed(base: Base, branches: Mapping[str, str], folder: str) -> Iterator[tuple[str, list[str], str | None]]:
    """Give each branch with the names of its own incidents, or why they are unknown."""
    end = time.monotonic() + _MOST_SECONDS_TO_LIST
    for branch, head in branches.items():
        if time.monotonic() > end:
            yield branch, [], "is not read: others took too long"
        elif has_large_folder(base, head, folder):
            yield branch, [], f"has a folder of more than {_LARGEST_FOLDER >> 20} MiB, which is not read"
        else:
            names = _own_names(base, head, folder)
            reason = _too_many(len(names))
            yield branch, [] if reason else names, reason


def has_large_folder(base: Base, head: str, folder: str) -> bool:
    """Return whether the folder of a head, or one above it, is too large to list."""
    return base.git.has_large_folder(head, folder, _LARGEST_FOLDER)


def _own_names(base: Base, head: str, folder: str) -> list[str]:
    """Return the incidents of a branch that differ from the base.

    If they seem too many, leave out those that the branch did not change: its base may be an old one.
    """
    names = [name for name in base.git.names(head, folder) if name.endswith(".yaml")]
    names = [name for name in names if not base.git.is_same(base.commit, head, f"{folder}/{name}")]
    own = base.git.parted(base.commit, head) if len(names) > _MOST_OF_BRANCH else None
    return [name for name in names if own is None or not base.git.is_same(own, head, f"{folder}/{name}")]


def _too_many(count: int) -> str | None:
    return f"has {count:,} incidents, and {_MOST_OF_BRANCH} are read at most" if count > _MOST_OF_BRANCH else None


def refusal(base: Base, head: str, paths: list[str]) -> str | None:
    """Return why no incident of a head is read, None if they are within the limits.

    ``paths`` are from the root.
    """
    if (reason := _too_many(len(paths))) is not None:
        return reason
    sizes = [base.git.size(head, path) for path in paths]
    if max(sizes, default=0) > _LARGEST:
        return f"has an incident of more than {_LARGEST // 1024} KiB, which is not read"
    if sum(sizes) > _LARGEST_TOGETHER:
        return f"has incidents of more than {_LARGEST_TOGETHER // 1024} KiB together, which are not read"
    return None


def within_limits(base: Base, paths: Mapping[str, tuple[str, list[str]]]) -> Iterator[tuple[str, str | None]]:
    """Yield each branch in reading order, with the reason if it is not to be read.

    ``paths`` are by branch: its head, and the incidents there, as paths from the git root. The time of the caller
    counts.
    """
    sizes: dict[str, int] = {}
    for branch, (head, wanted) in paths.items():
        if (why := refusal(base, head, wanted)) is not None:
            yield branch, why
        else:
            sizes[branch] = sum(base.git.size(head, path) for path in wanted)
    total, end = 0, time.monotonic() + _MOST_SECONDS
    for branch in sorted(sizes, key=sizes.__getitem__):
        total += sizes[branch]
        is_late = total > _MOST_BYTES or (sizes[branch] > 0 and time.monotonic() > end)
        yield branch, "has incidents that are not read: those of others took too long" if is_late else None
