"""The facts that guards judge a rollback by: past rollbacks, concurrent breaches, pauses, settings and the clock."""

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
    """A rollback that there was, by its incident. ``landed``: when it came onto the base, None while it is open.

    ``restored`` is None where there was no way back; ``acted``: its trigger is hard; ``hard``: it may have merged
    itself. ``branch`` is where an open one is. ``refused``: it counts for nothing, because a person closed its pull
    request or because it is none that this tool would build.
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
        """Return when it was, as git and the monitor say; None if both say that it is yet to come."""
        told = (each for each in (self.merged_at, self.observed_at) if each is not None)
        return next((each for each in told if each - now <= CLOCK_SKEW), None)


@dataclass(frozen=True)
class Facts:
    """What the guards go by: the rollbacks of the last days, what else failed now, pauses, and when the split began.

    ``beside`` are the breaches at the same time that would be acted on by themselves. ``since`` is None where that is
    not known, as in a shallow clone; ``moved``: the version took requests before too. ``retaken``: when a person took
    the last rollback of this version back.
    """

    past_rollbacks: tuple[PastRollback, ...] = ()
    concurrent_breaches: tuple[Breach, ...] = ()
    pauses: tuple[Pause, ...] = ()
    split_since: datetime | None = None
    served_before: bool = False
    reverted_at: datetime | None = None

    def with_discounted(self, refused: Collection[PastRollback]) -> Facts:
        """Return the same facts; of the open rollbacks only those in ``refused`` are marked so."""
        marked = (
            each if each.merged_at else replace(each, is_discounted=each in refused) for each in self.past_rollbacks
        )
        return replace(self, past_rollbacks=tuple(marked))


@dataclass(frozen=True)
class Order:
    """A person orders a rollback by name: no guard holds it. ``arm``: it merges itself once its checks pass."""

    auto_merge: bool = False


@dataclass(frozen=True)
class GuardCase:
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
        """The rollbacks there were, with their times, but for an open one of this failure: it is adopted."""
        own, done = (self.rollout, self.failed), (each for each in self.facts.past_rollbacks if not each.is_discounted)
        counted = [each for each in done if each.merged_at or (each.rollout, each.failed) != own]
        return [(moment, each) for each in counted if (moment := each.happened_at(self.now)) is not None]

    @property
    def today(self) -> list[PastRollback]:
        return [each for moment, each in self.past_rollbacks if each.restored is not None and self.now - moment < DAY]
