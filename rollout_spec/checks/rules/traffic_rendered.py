"""Stages that move traffic have a target that renders the split.

``live`` and ``stages`` declare the traffic split, but only a route applies it. A rollout that renders only workloads
and alerts shows 5% in every plan and drill, while no request moves: its stages and rollbacks have no effect. So one of
its targets must render the split: ``gateway-api``, ``envoy``, or one of your own whose ``target.yaml`` says
``owns: traffic`` or ``renders: [split]``.

Fails::

    spec:
      live: {candidate: "42", stage: canary-5}
      targets:
        - {type: kserve}    # an InferenceService for each version, and no route

Passes::

    spec:
      live: {candidate: "42", stage: canary-5}
      targets:
        - {type: kserve}
        - {type: gateway-api, gateway: {name: edge}}
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rollout_spec.checks.rules.base import Subject
from rollout_spec.core.findings import Problem
from rollout_spec.workspace.repository import Repository

if TYPE_CHECKING:
    from rollout_spec.spec.rollout import Stage

KINDS = frozenset({"ModelRollout"})
NEEDS = ""
UNCONDITIONAL = False


def check(subject: Subject) -> Iterator[Problem]:
    """Check that a target renders the split of the stages."""
    spec, repository = subject.model.spec, subject.repository
    moving = [stage.name for stage in spec.stages if _moves(stage)]
    if not moving or any(_renders_split(target.type, repository) for target in spec.targets):
        return
    types = ", ".join(target.type for target in spec.targets)
    lack = f"none of the targets ({types}) renders the split" if types else "there are no targets"
    message = f"the stage {moving[0]} moves traffic, but {lack}"
    hint = "add one that does: `- {type: gateway-api, gateway: {name: …}}`"
    yield Problem(("spec", "targets"), message, hint, on_key=True)


def _moves(stage: Stage) -> bool:
    return bool(stage.weight or stage.mirror or stage.match)


def _renders_split(target: str, repository: Repository) -> bool:
    from rollout_spec.core.errors import UserError
    from rollout_spec.domain.targets import definitions as catalog

    try:
        definition = catalog.find(target, repository.tree)
    except UserError:
        return False  # references-exist reports it
    return definition is not None and definition.renders_split
