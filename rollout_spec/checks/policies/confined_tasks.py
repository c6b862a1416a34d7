"""The tasks of the confined process for a workspace's own policies.

The tasks return plain data to ``confined``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rollout_spec.checks.policies.bindings import Values
from rollout_spec.checks.policies.cel import ExpressionError, Failed, PolicyVerdict, bind, compile
from rollout_spec.checks.policies.programs import program_of, unsound
from rollout_spec.checks.policies.sample_documents import minimal
from rollout_spec.spec.policy_pack import Policy

_MOST_FAULTS = 500
_LONGEST_TEXT = 10_000


def prepare() -> None:
    """Load the engine, so that its time does not count as a policy's."""
    bind({})


def judge(request: tuple[Any, int, Sequence[str]]) -> Iterator[Any]:
    """Yield the verdict of each expression on the variables.

    It is None if the expression is not sound, and False without variables. A failure is yielded as its reason, and
    whether an entry is absent.
    """
    variables, longest, expressions = request
    values = None if variables is None else Values(variables, longest)
    for expression in expressions:
        program = program_of(expression)
        if program is None:
            yield None
        else:
            yield _plain(values.judge(program, expression) if values else False)


def _plain(verdict: PolicyVerdict) -> Any:
    return [verdict.why, verdict.entry] if isinstance(verdict, Failed) else verdict


def message_text(request: tuple[dict[str, Any], int, str]) -> Iterator[str | None]:
    """Yield the text that the expression of a message gives, or None."""
    variables, longest, expression = request
    program = program_of(expression, gives_text=True)
    text = Values(variables, longest).text(program, expression) if program else None
    yield text[:_LONGEST_TEXT] if text is not None else None


def examine(request: tuple[str, bool]) -> Iterator[dict[str, Any]]:
    """Yield why an expression is ``refused``, or its ``faults`` and how it ``fails``."""
    expression, gives_text = request
    try:
        program = compile(expression)
    except ExpressionError as error:
        yield {"refused": [error.message, error.line, error.column, error.hint]}
        return
    faults = unsound(expression, gives_text)
    verdict = True if faults or gives_text else program.judge(minimal())
    yield {
        "faults": [[fault.at, fault.message, fault.hint, fault.length] for fault in faults[:_MOST_FAULTS]],
        "fails": verdict.why if isinstance(verdict, Failed) and not verdict.entry else None,
    }


def show(policy: Policy) -> Iterator[Any]:
    """Yield whether a policy can be evaluated, then the problem of each example."""
    from rollout_spec.checks.policies.examples import example_problem

    program = program_of(policy.expression)
    yield program is not None
    for examples, expected in ((policy.passes, True), (policy.fails, False)):
        for example in examples:
            problem = example_problem(policy, program, example, expected) if program else None
            yield problem and [problem.path, problem.message, problem.hint, problem.on_key]
