"""The messages of policies that a rollout violates."""

from __future__ import annotations

from rollout_spec.checks.policies import PolicyInForce, program_of
from rollout_spec.checks.policies.bindings import Values
from rollout_spec.checks.policies.cel import Failed
from rollout_spec.checks.policies.confined import text_of
from rollout_spec.core.text import one_line


def message_of(policy: PolicyInForce, variables: Values | Failed, path: str) -> str:
    """Return the text of ``messageExpression`` for a rollout, or else the ``message`` of the policy."""
    expression = policy.policy.message_expression
    if expression is None or isinstance(variables, Failed):
        return policy.policy.message
    if not policy.shipped:
        text = text_of(expression, variables, path)
    else:
        program = program_of(expression, trusted=True)
        text = variables.text(program, expression) if program is not None else None
    return one_line(text or "") or policy.policy.message
