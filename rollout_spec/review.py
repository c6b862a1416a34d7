"""What must hold before a merge: the check of the whole workspace, and the proof that each way back works."""

from __future__ import annotations

from collections.abc import Callable

from rollout_spec.check import Report, check
from rollout_spec.repository import Repository


def review(
    repository: Repository,
    *,
    base: Repository | None = None,
    prefix: str = "",
    progress: Callable[[int, int], None] | None = None,
) -> Report:
    """Check a whole workspace. See ``check`` for the arguments."""
    return check(repository, base=base, prefix=prefix, progress=progress)
