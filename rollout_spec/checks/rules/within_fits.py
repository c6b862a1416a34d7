"""A trigger's ``within`` ends before its stage does, and not before its ``for``.

``within`` says how long after the start of a stage a breach may merge its rollback automatically; the default is the
length of the stage. A ``within`` that is longer than the ``hold`` of every watched stage limits nothing, because the
candidate may have moved on by then. A breach is reported after it has lasted for the time of ``for``; if ``within`` has
ended by then, the trigger is never hard. Stages without a ``hold``, and ``promoted``, have no known end.

Fails::

    spec:
      stages:
        - {name: canary-5, weight: 5%, hold: 15m}
        - {name: full, weight: 100%, hold: 24h}
      triggers:
        - {name: serving-errors, type: threshold, metric: error_rate, above: 5%, during: [canary-5], within: 30m}

Passes::

    spec:
      stages:
        - {name: canary-5, weight: 5%, hold: 15m}
        - {name: full, weight: 100%, hold: 24h}
      triggers:
        - {name: serving-errors, type: threshold, metric: error_rate, above: 5%, during: [canary-5], within: 15m}
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

from rollout_spec.checks.rules.base import Subject
from rollout_spec.core.findings import KeyPath, Problem
from rollout_spec.core.units import format_duration

if TYPE_CHECKING:
    from rollout_spec.spec.rollout import Stage

KINDS = frozenset({"ModelRollout"})
NEEDS = ""
UNCONDITIONAL = False


def check(subject: Subject) -> Iterator[Problem]:
    """Compare each ``within`` with its own ``for``, and with the ``hold`` of the watched stages."""
    for index, trigger in enumerate(subject.model.spec.triggers):
        within, at = getattr(trigger, "within", None), ("spec", "triggers", index, "within")
        if within is None:
            continue
        if trigger.for_ is not None and trigger.for_ > within and trigger.severity == "hard":
            lasted = format_duration(trigger.for_)
            message = f"{trigger.name} is never hard: a breach is reported after {lasted}, when this has ended"
            yield Problem(at, message, f"write {lasted} or more, or a shorter `for`", "warning")
        elif trigger.during is not None:  # else `promoted` is watched too, which has no end
            stages = {stage.name: stage for stage in subject.model.spec.stages}
            yield from _longer_than_holds(within, [stages.get(moment) for moment in trigger.during], at)


def _longer_than_holds(within: timedelta, watched: list[Stage | None], at: KeyPath) -> Iterator[Problem]:
    holds = [(stage.hold, stage.name) for stage in watched if stage is not None and stage.hold is not None]
    if len(holds) < len(watched) or within <= max(holds)[0]:
        return
    longest, name = max(holds)
    message = f"this is longer than the hold of {name}, {format_duration(longest)}, so it limits nothing"
    yield Problem(at, message, f"write {format_duration(longest)} or less, or leave `within` out", "warning")
