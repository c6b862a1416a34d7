"""The programs of expressions, and the faults of those that compile."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rollout_spec.checks.policies.cel import Program
    from rollout_spec.checks.policies.type_rules import Fault


@lru_cache(maxsize=1024)
def program_of(expression: str, trusted: bool = False, gives_text: bool = False) -> Program | None:
    """Return the program of an expression, or None if it does not compile or is not sound.

    A ``trusted`` expression is shipped, and so was tested: checking it would take longer than evaluating it.
    ``gives_text``: it is that of a message.
    """
    from rollout_spec.checks.policies.cel import ExpressionError, compile

    try:
        program = compile(expression)
    except ExpressionError:
        return None
    return program if trusted or not unsound(expression, gives_text) else None


@lru_cache(maxsize=1024)
def unsound(expression: str, gives_text: bool = False) -> tuple[Fault, ...]:
    """Return the faults of an expression that compiles: in its text, else on a rollout with all fields."""
    from rollout_spec.checks.policies.cel import Failed, compile
    from rollout_spec.checks.policies.sample_documents import full
    from rollout_spec.checks.policies.type_check import faults
    from rollout_spec.checks.policies.type_rules import Fault

    program = compile(expression)
    found_faults = tuple(faults(program.tree(), gives_text=gives_text))
    verdict = True if found_faults or gives_text else program.judge(full())
    if isinstance(verdict, Failed) and not verdict.entry:
        found_faults = (Fault(0, f"this fails on a rollout with all fields: {verdict.why}", None, len(expression)),)
    return found_faults
