"""The facts that guards judge a rollback by.

These are past rollbacks, concurrent breaches, pauses, settings and the clock.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from rollout_spec.core.breach import Breach
from rollout_spec.rollback.pause import Pause
from rollout_spec.spec.workspace import Automation

DAY = timedelta(days=1)
CLOCK_SKEW = timedelta(minutes=5)
DEFAULT_WINDOW = timedelta(days=7)
"""How long a rollback of stable is remembered if the rollout has no ``rollback.window``."""


@dataclass(frozen=True)
class PastRollback:
    """A past rollback, read from its incident. ``merged_at`` is None while its pull request is open.

    ``restored`` is None if there was no rollback target. ``may_auto_merge``: auto-merge was possible. ``branch`` is
    the branch of an open one. ``is_discounted``: the guards ignore it, because a person closed its pull request or
    because this tool would not build its branch.
    """

    incident: str
    rollout: str
    failed: str
    restored: str | None
    stage: str | None
    observed_at: datetime
    merged_at: datetime | None = None
    may_auto_merge: bool = False
    has_hard_trigger: bool = False
    branch: str | None = None
    is_discounted: bool = False

    def happened_at(self, now: datetime) -> datetime | None:
        """Return the time of the merge, or else of the breach. None if both times are in the future."""
        times = (time for time in (self.merged_at, self.observed_at) if time is not None)
        return next((time for time in times if time - now <= CLOCK_SKEW), None)


@dataclass(frozen=True)
class Facts:
    """The facts of a breach that do not depend on the decision.

    ``concurrent_breaches`` are those that would lead to a rollback without a reviewer. ``split_since`` is the start of
    the current split, None if it is unknown, as in a shallow clone. ``served_before``: the version received requests
    before that. ``reverted_at`` is the time at which a person reverted the last rollback of the version.
    """

    past_rollbacks: tuple[PastRollback, ...] = ()
    concurrent_breaches: tuple[Breach, ...] = ()
    pauses: tuple[Pause, ...] = ()
    split_since: datetime | None = None
    served_before: bool = False
    reverted_at: datetime | None = None

    def with_discounted(self, discounted: Collection[PastRollback]) -> Facts:
        """Return the same facts; of the open rollbacks only those in ``discounted`` are discounted."""
        marked = (
            past if past.merged_at else replace(past, is_discounted=past in discounted) for past in self.past_rollbacks
        )
        return replace(self, past_rollbacks=tuple(marked))


@dataclass(frozen=True)
class Order:
    """The order of a person to roll back: no guard holds it. ``auto_merge`` enables auto-merge."""

    auto_merge: bool = False


@dataclass(frozen=True)
class GuardCase:
    """The case that the guards judge: one breach with its facts, the settings and the time."""

    rollout: str
    failed: str
    breach: Breach
    facts: Facts
    settings: Automation
    now: datetime
    may_auto_merge: bool = False
    lookback: timedelta = timedelta(0)
    window: timedelta = DEFAULT_WINDOW

    @property
    def past_rollbacks(self) -> list[tuple[datetime, PastRollback]]:
        """The past rollbacks with their times, without an open one of this failure: that one is adopted."""
        own = self.rollout, self.failed
        counted = (past for past in self.facts.past_rollbacks if not past.is_discounted)
        others = [past for past in counted if past.merged_at or (past.rollout, past.failed) != own]
        return [(time, past) for past in others if (time := past.happened_at(self.now)) is not None]

    @property
    def today(self) -> list[PastRollback]:
        """The rollbacks of the last 24 hours that restored a version."""
        return [past for time, past in self.past_rollbacks if past.restored is not None and self.now - time < DAY]
