"""Each stage gives the candidate more traffic than the one before, and the last gives it all.

A stage that reduces the traffic, or leaves it as it is, is a mistake in the order. A rollout whose last stage is below
100% never ends. Stages without a weight (shadow, matched requests) come first.

Fails::

    spec:
      stages:
        - {name: canary-5, weight: 5%, hold: 15m}
        - {name: ab-50, weight: 50%, hold: 48h}
        - {name: full, weight: 20%, hold: 24h}    # less than before, and not 100%

Passes::

    spec:
      stages:
        - {name: canary-5, weight: 5%, hold: 15m}
        - {name: ab-50, weight: 50%, hold: 48h}
        - {name: full, weight: 100%, hold: 24h}
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from rollout_spec.checks.rules.base import Subject
from rollout_spec.core.findings import Problem
from rollout_spec.core.units import format_share

KINDS = frozenset({"ModelRollout"})
NEEDS = ""
UNCONDITIONAL = True


def check(subject: Subject) -> Iterator[Problem]:
    """Compare each weight with that of the previous stage."""
    stages = subject.model.spec.stages
    for index in range(1, len(stages)):
        previous, weight = (stage.weight or Decimal(0) for stage in stages[index - 1 : index + 1])
        if weight < previous or (weight == previous and weight > 0):
            earlier = f"{format_share(previous)}, the weight of {stages[index - 1].name} before it"
            message = f"{format_share(weight)} is not above {earlier}"
            yield _at(index, stages[index].weight is None, message, "order the stages by weight, the smallest first")
            return
    last = stages[-1]
    if (last.weight or Decimal(0)) != 100:
        yield _at(
            len(stages) - 1,
            last.weight is None,
            f"the last stage gives the candidate {format_share(last.weight or Decimal(0))}; expected 100%",
            "add a last stage with `weight: 100%`",
        )


def _at(index: int, is_unwritten: bool, message: str, hint: str) -> Problem:
    at: tuple[str | int, ...] = ("spec", "stages", index)
    return Problem(at if is_unwritten else (*at, "weight"), message, hint)
