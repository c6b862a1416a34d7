"""A comparison runs in stages that have a control arm.

A comparison needs the candidate and stable over the same time, with the same callers. If the candidate gets all
requests, or is promoted, there is no control arm; a stage that gives the candidate no requests has nothing to compare.
If requests are only mirrored, callers never see the candidate's responses. A ratio that the workspace declares, such as
a conversion rate, depends on what callers do afterwards and cannot be compared there. ``error_rate``, which the server
counts, can, and so can a value from an external monitor.

If a trigger can be judged in some of its stages, the others are a warning.

Fails::

    spec:
      triggers:
        - {name: conversion, type: comparison, metric: conversion_rate, drop: 5%, baseline: 8%, during: [full]}
      # full gives the candidate all requests: there is no control arm

Passes::

    spec:
      triggers:
        - {name: conversion, type: comparison, metric: conversion_rate, drop: 5%, baseline: 8%, during: [ab-50]}
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from rollout_spec.checks.rules.base import Subject
from rollout_spec.core.findings import KeyPath, Problem
from rollout_spec.domain.metrics import queries as metrics
from rollout_spec.domain.traffic import PROMOTED

if TYPE_CHECKING:
    from rollout_spec.spec.rollout import Stage
    from rollout_spec.spec.triggers import Comparison

KINDS = frozenset({"ModelRollout"})
NEEDS = ""
UNCONDITIONAL = False

_HINT = "compare in a stage with a weight above 0% and below 100%"


def check(subject: Subject) -> Iterator[Problem]:
    """Check that each stage that a comparison watches has both arms."""
    settings = subject.repository.settings
    own = settings.metrics if settings else {}
    stages = {stage.name: stage for stage in subject.model.spec.stages}
    for index, trigger in enumerate(subject.model.spec.triggers):
        if trigger.type == "comparison":
            by_callers = trigger.metric != metrics.ERROR_RATE and metrics.kind_of(trigger.metric, own) == "ratio"
            yield from _watched_stages(trigger, stages, by_callers, ("spec", "triggers", index))


def _watched_stages(
    trigger: Comparison, stages: Mapping[str, Stage], by_callers: bool, at: KeyPath
) -> Iterator[Problem]:
    reasons = {name: _obstacle(stage, by_callers) for name, stage in stages.items()}
    reasons[PROMOTED] = "a promoted candidate is stable itself, and has no control arm"
    if trigger.during is None:
        if all(reasons.values()):
            message = f"{trigger.name} can never be judged: no stage has both arms"
            yield Problem((*at, "name"), message, _HINT, "warning")
        return
    has_judged_stage = not all(reasons.get(moment) for moment in trigger.during)
    for position, moment in enumerate(trigger.during):
        reason = reasons.get(moment)
        if reason:
            mirrored = moment in stages and bool(stages[moment].mirror) and not stages[moment].weight
            yield Problem(
                (*at, "during", position), reason, _HINT, "warning" if has_judged_stage and not mirrored else "error"
            )


def _obstacle(stage: Stage, by_callers: bool) -> str | None:
    """Return why a comparison cannot run in a stage, or None if it can."""
    if stage.weight == 100:
        return f"{stage.name} has no control arm: the candidate gets all requests"
    if stage.weight or stage.match:
        return None
    if not stage.mirror:
        return f"{stage.name} has nothing to compare: the candidate gets no requests"
    if by_callers:
        return f"{stage.name} only mirrors requests, so callers never see the candidate's responses"
    return None
