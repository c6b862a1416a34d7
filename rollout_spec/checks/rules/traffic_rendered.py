"""Stages that move traffic have a target that renders the split.

``live`` and ``stages`` say which share of the requests a version gets, and only a route makes it so. A rollout that
renders workloads and alerts alone shows 5% in every plan and drill, and no request ever moves: neither a stage nor a
rollback does anything. So one of its targets renders the split: ``gateway-api``, or one of your own whose
``target.yaml`` says ``owns: traffic`` or ``renders: [split]``.

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
    """Look for a target that renders what the stages say."""
    spec, repository = subject.model.spec, subject.repository
    moving = [stage.name for stage in spec.stages if _moves(stage)]
    if not moving or any(_renders_split(target.type, repository) for target in spec.targets):
        return
    types = ", ".join(target.type for target in spec.targets)
    told = f"none of its targets does ({types})" if types else "there are no targets"
    words = f"no target renders the split: the stage {moving[0]} moves traffic, and {told}"
    hint = "add one that does: `- {type: gateway-api, gateway: {name: …}}`"
    yield Problem(("spec", "targets"), words, hint, on_key=True)


def _moves(stage: Stage) -> bool:
    return bool(stage.weight or stage.mirror or stage.match)


def _renders_split(target: str, repository: Repository) -> bool:
    from rollout_spec.core.errors import UserError
    from rollout_spec.domain.targets import definitions as catalog

    try:
        definition = catalog.find(target, repository.tree)
    except UserError:
        return False  # references-exist says so
    return definition is not None and definition.renders_split
