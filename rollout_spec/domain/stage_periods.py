"""The times that a candidate spent in its stages, from the history of its rollout's file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from rollout_spec.domain.history import Step
from rollout_spec.spec.rollout import Live


@dataclass(frozen=True)
class StagePeriod:
    """The time of a candidate in one stage. ``until`` is None if it is there now."""

    stage: str
    commit: str
    since: datetime
    until: datetime | None = None


def stage_periods(live: Live, history: Iterable[Step]) -> list[StagePeriod]:
    """Return the stages of the present candidate since it was proposed, newest first.

    ``history`` is the first-parent history of the rollout's file, newest first. The list is empty if its newest commit
    has the candidate elsewhere, and ends at a commit that does not load. The dates are those of the commits.
    """
    periods, until = list[StagePeriod](), None
    place: tuple[str | None, str | None] = (live.candidate, live.stage)
    for step in history:
        if step.after is None or (step.after.candidate, step.after.stage) != place or live.candidate is None:
            break
        before = (step.before.candidate, step.before.stage) if step.before is not None else (None, None)
        if before == place:
            continue
        if place[1] is not None:
            periods.append(StagePeriod(place[1], step.commit, step.date, until))
        until = step.date
        if before[0] != live.candidate:
            break
        place = before
    return periods
