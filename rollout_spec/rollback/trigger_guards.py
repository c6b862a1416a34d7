"""A hard trigger, in its time, may merge its rollback itself; whatever else tells of a breach asks a person."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from rollout_spec.core.breach import Breach
from rollout_spec.core.units import format_duration
from rollout_spec.domain.history import UndoneCommits
from rollout_spec.domain.traffic import PROMOTED
from rollout_spec.rollback.verdict import Reason
from rollout_spec.spec.rollout import ModelRollout
from rollout_spec.spec.triggers import Latency, Threshold, Trigger

_SCRAPE = timedelta(minutes=2)
"""How late a monitor may see and report what it measures."""
_UNKNOWN_LOOKBACK = timedelta(hours=1)


def review_reasons(
    rollout: ModelRollout, breach: Breach, failed: str, moment: str, undone: UndoneCommits
) -> list[Reason]:
    """Give the reasons why a person should look before this merges; none where the trigger is hard, here and now."""
    trigger = _trigger(rollout, breach.trigger)
    if trigger is None:
        by_hand = "a person pulled it" if breach.source == "manual" else "the breach names none"
        told = f"`{breach.trigger}` is no trigger of the spec" if breach.trigger else by_hand
        return [Reason("trigger", f"the trigger is soft: {told}")]
    if trigger.severity == "soft":
        return [Reason("trigger", f"the trigger {trigger.name} is soft")]
    reasons = []
    if trigger.during is not None and moment not in trigger.during:
        words = f"the trigger {trigger.name} watches {', '.join(trigger.during)}, and {failed} is at {moment}"
        reasons.append(Reason("trigger", words))
    for guard, limit, what in _limits(rollout, trigger, moment):
        if undone.since is None:
            reasons.append(Reason(guard, f"{what}, and when that was is not known"))
        elif breach.observed_at - undone.since > limit:
            ago = format_duration(breach.observed_at - undone.since)
            reasons.append(Reason(guard, f"{what}, and that was {ago} before the breach"))
    return reasons


def may_auto_merge(rollout: ModelRollout, trigger: str | None) -> bool:
    """Could a rollback that this trigger told of merge itself: is the trigger hard, and does the rollout say so?"""
    return rollout.spec.rollback.merge == "auto" and is_hard(rollout, trigger)


def is_hard(rollout: ModelRollout, trigger: str | None) -> bool:
    """Return whether a trigger of this name is hard."""
    found = _trigger(rollout, trigger)
    return found is not None and found.severity == "hard"


def watches(rollout: ModelRollout, trigger: str | None, moment: str | None) -> bool:
    """Return whether a trigger of this name is hard, and watches a stage or ``promoted``."""
    found = _trigger(rollout, trigger)
    return found is not None and found.severity == "hard" and (found.during is None or moment in found.during)


def lookback(rollout: ModelRollout, trigger: str | None) -> timedelta:
    """Return how long after a step an alert may still be about what was before it: its window and its ``for``."""
    found = _trigger(rollout, trigger)
    if isinstance(found, Threshold | Latency):
        return found.window + (found.for_ or timedelta(0)) + _SCRAPE
    return _UNKNOWN_LOOKBACK


def _trigger(rollout: ModelRollout, name: str | None) -> Trigger | None:
    return next((each for each in rollout.spec.triggers if each.name == name), None)


def _limits(rollout: ModelRollout, trigger: Trigger, moment: str) -> Iterator[tuple[str, timedelta, str]]:
    """Give how long after its beginning a trigger is hard: the guard, the time, and in words."""
    within, window = getattr(trigger, "within", None), rollout.spec.rollback.window
    if within is not None:
        start = "promotion" if moment == PROMOTED else "stage's start"
        yield "trigger", within, f"the trigger {trigger.name} counts within {format_duration(within)} of the {start}"
    if moment == PROMOTED and window is not None:
        yield "window", window, f"triggers are hard within {format_duration(window)} of the promotion"
