"""The messages of policies that a rollout violates."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from rollout_spec.checks.policies import PolicyInForce
from rollout_spec.checks.policies.bindings import values
from rollout_spec.checks.policies.cel import Failed
from rollout_spec.checks.policies.confined import text_of
from rollout_spec.checks.policies.programs import program_of
from rollout_spec.core.text import one_line
from rollout_spec.workspace.loader import File
from rollout_spec.workspace.repository import Repository

if TYPE_CHECKING:
    from rollout_spec.spec.rollout import ModelRollout


def message_of(
    policy: PolicyInForce, rollout: File[ModelRollout], repository: Repository, base: Repository | None, now: datetime
) -> str:
    """Return the text of ``messageExpression`` for a rollout, or else the ``message`` of the policy.

    It may name other variables than the ``expression``.
    """
    expression = policy.policy.message_expression
    variables = values(rollout, repository, base, now, expression) if expression is not None else None
    if expression is None or variables is None or isinstance(variables, Failed):
        return policy.policy.message
    if not policy.shipped:
        text = text_of(expression, variables, rollout.path)
    else:
        program = program_of(expression, trusted=True)
        text = variables.text(program, expression) if program is not None else None
    return one_line(text or "") or policy.policy.message
