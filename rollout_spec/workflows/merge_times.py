"""The times at which commits were merged into the base, as the forge tells them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from rollout_spec.core.errors import OUTSIDE, UserError
from rollout_spec.integrations.forges import Forge
from rollout_spec.spec.workspace import ForgeSettings
from rollout_spec.workflows.base_branch import Base, authorize, forge_of, live_branch

MergedAt = Callable[[str], datetime | None]
"""A function that asks the forge when a commit was merged into the base; None if unknown."""

_MOST_KEPT = 5000
_AGAIN_SECONDS = 600.0


@dataclass
class KeptMergeTimes:
    """Answers of a forge. A merge is never undone, so each is asked for once.

    A commit without a pull request is asked about again after ten minutes.
    """

    by_commit: dict[str, datetime] = field(default_factory=dict)
    unknown: dict[str, float] = field(default_factory=dict)

    def is_known(self, commit: str) -> bool:
        """Return whether the forge need not be asked."""
        asked = self.unknown.get(commit)
        return commit in self.by_commit or (asked is not None and time.monotonic() - asked < _AGAIN_SECONDS)

    def keep(self, commit: str, merged: datetime | None) -> None:
        """Keep an answer, in place of the oldest one if there are many."""
        for kept in (self.by_commit, self.unknown):
            if len(kept) >= _MOST_KEPT:
                kept.pop(next(iter(kept)))
        if merged is not None:
            self.by_commit[commit] = merged
        else:
            self.unknown[commit] = time.monotonic()


@dataclass
class MergeTimes:
    """The merge times of the commits of one base.

    After an error the forge is not asked again, so that a forge that hangs is waited for once. ``tell`` is called with
    the error.
    """

    base: Base
    settings: ForgeSettings
    tell: Callable[[str], None]
    kept: KeptMergeTimes = field(default_factory=KeptMergeTimes)
    is_unreachable: bool = False

    def of(self, commit: str) -> datetime | None:
        """Return when a commit was merged into the live branch; None if the forge does not know or answer."""
        if not self.kept.is_known(commit) and not self.is_unreachable:
            try:
                forge, branch = self._forge
                merged = forge.merged_at(commit, branch) if forge is not None else None
            except UserError as error:
                self.is_unreachable = error.status == OUTSIDE
                self.tell(f"the forge was not asked when {commit[:12]} was merged: {error.message}")
                return None
            self.kept.keep(commit, merged)
        return self.kept.by_commit.get(commit)

    @cached_property
    def _forge(self) -> tuple[Forge | None, str]:
        """The forge and its live branch. It is connected once, and only if a hold asks."""
        base, settings = self.base, self.settings
        if base.remote is not None and base.remote.name == settings.remote:
            return forge_of(base, settings), base.branch  # authorized when the base was fetched
        remote = base.git.remote(settings.remote)
        if remote is None:
            return None, base.branch
        authorize(base.git, remote, settings)
        return forge_of(base, settings), live_branch(remote, settings)


def merge_times(
    base: Base, settings: ForgeSettings | None, tell: Callable[[str], None], kept: KeptMergeTimes | None = None
) -> MergedAt | None:
    """Return a function that asks the forge when a commit was merged; None without a forge.

    Only a hold calls it. ``tell`` is called with the error if the forge does not answer. ``kept`` are the answers to
    earlier questions.
    """
    return MergeTimes(base, settings, tell, kept or KeptMergeTimes()).of if settings is not None else None
