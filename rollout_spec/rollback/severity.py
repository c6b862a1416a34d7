"""A hard trigger, in its time, may merge its rollback itself; whatever else tells of a breach asks a person."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from rollout_spec.breach import Breach
from rollout_spec.rollback.undone import Undone
from rollout_spec.spec.rollout import ModelRollout, Trigger
from rollout_spec.traffic import PROMOTED
from rollout_spec.units import format_duration


def for_a_person(rollout: ModelRollout, breach: Breach, failed: str, moment: str, undone: Undone) -> list[str]:
    """Give the reasons why a person should look before this merges; none where the trigger is hard, here and now."""
    trigger = next((each for each in rollout.spec.triggers if each.name == breach.trigger), None)
    if trigger is None:
        by_hand = "a person pulled it" if breach.source == "manual" else "the breach names none"
        told = f"`{breach.trigger}` is no trigger of the spec" if breach.trigger else by_hand
        return [f"the trigger is soft: {told}"]
    if trigger.severity == "soft":
        return [f"the trigger {trigger.name} is soft"]
    reasons = []
    if trigger.during is not None and moment not in trigger.during:
        reasons.append(f"the trigger {trigger.name} watches {', '.join(trigger.during)}, and {failed} is at {moment}")
    for limit, what in _limits(rollout, trigger, moment):
        if undone.since is None:
            reasons.append(f"{what}, and when that was is not known")
        elif breach.observed_at - undone.since > limit:
            ago = format_duration(breach.observed_at - undone.since)
            reasons.append(f"{what}, and that was {ago} before the breach")
    return reasons


def _limits(rollout: ModelRollout, trigger: Trigger, moment: str) -> Iterator[tuple[timedelta, str]]:
    """Give how long after its beginning a trigger is hard, in words too."""
    within, window = getattr(trigger, "within", None), rollout.spec.rollback.window
    if within is not None:
        start = "promotion" if moment == PROMOTED else "stage's start"
        yield within, f"the trigger {trigger.name} counts within {format_duration(within)} of the {start}"
    if moment == PROMOTED and window is not None:
        yield window, f"triggers are hard within {format_duration(window)} of the promotion"
