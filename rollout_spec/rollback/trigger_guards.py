"""The guards of triggers.

Only a hard trigger, within its limits, lets a rollback merge without a reviewer.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from rollout_spec.core.breach import Breach
from rollout_spec.core.text import did_you_mean
from rollout_spec.core.units import format_duration
from rollout_spec.domain.history import UndoneCommits
from rollout_spec.domain.traffic import PROMOTED
from rollout_spec.rollback.verdict import Reason
from rollout_spec.spec.rollout import ModelRollout
from rollout_spec.spec.triggers import Latency, Threshold, Trigger

_SCRAPE = timedelta(minutes=2)
"""The delay with which a monitor may see and report a measurement."""
_UNKNOWN_LOOKBACK = timedelta(hours=1)


def review_reasons(
    rollout: ModelRollout, breach: Breach, failed: str, stage: str, undone: UndoneCommits
) -> list[Reason]:
    """Return the reasons for a reviewer.

    The list is empty if the trigger is hard at the time of the breach.
    """
    trigger = _trigger(rollout, breach.trigger)
    if trigger is None:
        return [Reason("trigger", f"the trigger counts as soft: {_why_unknown(rollout, breach)}")]
    if trigger.severity == "soft":
        return [Reason("trigger", f"the trigger {trigger.name} is soft")]
    reasons = []
    if trigger.during is not None and stage not in trigger.during:
        where = stage if stage == PROMOTED else f"in {stage}"
        message = f"the trigger {trigger.name} watches only {', '.join(trigger.during)}, but {failed} is {where}"
        reasons.append(Reason("trigger", message))
    for guard, limit, message in _limits(rollout, trigger, stage):
        if undone.since is None:
            reasons.append(Reason(guard, f"{message}, and that time is unknown"))
        elif breach.observed_at - undone.since > limit:
            ago = format_duration(breach.observed_at - undone.since)
            reasons.append(Reason(guard, f"{message}, which was {ago} before the breach"))
    return reasons


def _why_unknown(rollout: ModelRollout, breach: Breach) -> str:
    if not breach.trigger:
        return "a person reported the breach" if breach.source == "manual" else "the breach names no trigger"
    hint = did_you_mean(breach.trigger, (each.name for each in rollout.spec.triggers))
    return f"the rollout has no trigger `{breach.trigger}`" + (f" ({hint})" if hint else "")


def may_auto_merge(rollout: ModelRollout, trigger: str | None) -> bool:
    """Return whether a rollback by this trigger may get auto-merge.

    It may if the trigger is hard and ``merge`` is ``auto``.
    """
    return rollout.spec.rollback.merge == "auto" and is_hard(rollout, trigger)


def is_hard(rollout: ModelRollout, trigger: str | None) -> bool:
    """Return whether a trigger of this name is hard."""
    spec = _trigger(rollout, trigger)
    return spec is not None and spec.severity == "hard"


def watches(rollout: ModelRollout, trigger: str | None, stage: str | None) -> bool:
    """Return whether a trigger of this name is hard, and watches a stage or ``promoted``."""
    spec = _trigger(rollout, trigger)
    return spec is not None and spec.severity == "hard" and (spec.during is None or stage in spec.during)


def lookback(rollout: ModelRollout, trigger: str | None) -> timedelta:
    """Return the time after a step in which an alert may be about the state before it.

    This is the trigger's window and ``for``.
    """
    spec = _trigger(rollout, trigger)
    if isinstance(spec, Threshold | Latency):
        return spec.window + (spec.for_ or timedelta(0)) + _SCRAPE
    return _UNKNOWN_LOOKBACK


def _trigger(rollout: ModelRollout, name: str | None) -> Trigger | None:
    return next((trigger for trigger in rollout.spec.triggers if trigger.name == name), None)


def _limits(rollout: ModelRollout, trigger: Trigger, stage: str) -> Iterator[tuple[str, timedelta, str]]:
    """Give the limits within which a trigger is hard: the guard, the duration and the message."""
    within, window = getattr(trigger, "within", None), rollout.spec.rollback.window
    if within is not None:
        start = "promotion" if stage == PROMOTED else "stage's start"
        yield (
            "trigger",
            within,
            f"the trigger {trigger.name} is hard only within {format_duration(within)} of the {start}",
        )
    if stage == PROMOTED and window is not None:
        yield "window", window, f"triggers are hard only within {format_duration(window)} of the promotion"
