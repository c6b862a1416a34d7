"""A comparison is made in stages that have a control arm.

It holds the candidate against stable over the same time, with the same callers. Where the candidate takes all requests
nobody is left to compare with, and once it is promoted it is stable itself; a stage that gives it none has nothing to
compare. Where requests are only mirrored the candidate's answers are thrown away, so that nothing its callers do
afterwards can be laid at its door: a ratio that the workspace declares, such as a conversion rate, cannot be compared
there. ``error_rate``, which the server counts, can, and so can a value that an external monitor gives.

A trigger that can be judged in some of its stages gives a warning at the others.

Fails::

    spec:
      triggers:
        - {name: conversion, type: comparison, metric: conversion_rate, drop: 5%, baseline: 8%, during: [full]}
      # full gives the candidate all: there is nobody to compare with

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
    """Look for both arms in each stage that a comparison watches."""
    settings = subject.repository.settings
    own = settings.metrics if settings else {}
    stages = {stage.name: stage for stage in subject.model.spec.stages}
    for index, trigger in enumerate(subject.model.spec.triggers):
        if trigger.type == "comparison":
            of_callers = trigger.metric != metrics.ERROR_RATE and metrics.kind_of(trigger.metric, own) == "ratio"
            yield from _watched(trigger, stages, of_callers, ("spec", "triggers", index))


def _watched(trigger: Comparison, stages: Mapping[str, Stage], of_callers: bool, at: KeyPath) -> Iterator[Problem]:
    lacks = {name: _lack(stage, of_callers) for name, stage in stages.items()}
    lacks[PROMOTED] = "the candidate is stable itself once it is promoted, with no control arm beside it"
    if trigger.during is None:
        if all(lacks.values()):
            words = f"no stage has both arms, so that {trigger.name} can never be judged"
            yield Problem((*at, "name"), words, _HINT, "warning")
        return
    some = not all(lacks.get(moment) for moment in trigger.during)
    for position, moment in enumerate(trigger.during):
        lack = lacks.get(moment)
        if lack:
            mirrored = moment in stages and bool(stages[moment].mirror) and not stages[moment].weight
            yield Problem((*at, "during", position), lack, _HINT, "warning" if some and not mirrored else "error")


def _lack(stage: Stage, of_callers: bool) -> str | None:
    """Say why a comparison cannot be made in a stage; None where it can."""
    if stage.weight == 100:
        return f"{stage.name} gives the candidate all requests, and leaves no control arm"
    if stage.weight or stage.match:
        return None
    if not stage.mirror:
        return f"{stage.name} gives the candidate no requests, so that there is nothing to compare"
    if of_callers:
        return f"{stage.name} only mirrors requests, so that callers never see what the candidate answers"
    return None
