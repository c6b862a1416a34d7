"""A trigger's ``within`` ends while its stage still lasts, and not before its ``for`` is over.

``within`` says how long after a stage's start a breach may merge its rollback itself; without it that is as long as the
stage lasts. Longer than every stage that the trigger watches is held, it limits nothing: the candidate may have gone on
by then, and a reader believes in a guard that is none. A breach is told once it has lasted for the time of ``for``;
where ``within`` is over by then, the trigger is never hard. Stages without a ``hold``, and ``promoted``, have no end
that a spec knows.

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
    """Compare each ``within`` with the ``hold`` of the stages that it is about, and with its own ``for``."""
    for index, trigger in enumerate(subject.model.spec.triggers):
        within, at = getattr(trigger, "within", None), ("spec", "triggers", index, "within")
        if within is None:
            continue
        if trigger.for_ is not None and trigger.for_ > within and trigger.severity == "hard":
            lasted = format_duration(trigger.for_)
            words = f"a breach is told once it has lasted {lasted}, and this is over by then: the trigger is never hard"
            yield Problem(at, words, f"write {lasted} or more, or a shorter `for`", "warning")
        elif trigger.during is not None:  # else it is about `promoted` as well
            stages = {stage.name: stage for stage in subject.model.spec.stages}
            yield from _beyond(within, [stages.get(moment) for moment in trigger.during], at)


def _beyond(within: timedelta, watched: list[Stage | None], at: KeyPath) -> Iterator[Problem]:
    holds = [(stage.hold, stage.name) for stage in watched if stage is not None and stage.hold is not None]
    if len(holds) < len(watched) or within <= max(holds)[0]:
        return
    longest, name = max(holds)
    words = f"{name} is held for {format_duration(longest)}, so that the candidate may have gone on before this is over"
    yield Problem(at, words, f"write {format_duration(longest)} or less, or leave `within` out", "warning")
