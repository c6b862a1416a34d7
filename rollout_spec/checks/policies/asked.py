"""What is asked of the policies of a workspace in a confined process: each function gives plain data for ``own``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rollout_spec.checks.policies import program_of, unsound
from rollout_spec.checks.policies.bindings import Values
from rollout_spec.checks.policies.cel import ExpressionError, Failed, PolicyVerdict, bind, compile
from rollout_spec.checks.policies.sample_documents import minimal
from rollout_spec.spec.policy_pack import Policy

_MOST_FAULTS = 500


def prepare() -> None:
    """Load the engine: that is not the time of a policy."""
    bind({})


def judge(request: tuple[Any, int, Sequence[str]]) -> Iterator[Any]:
    """Give the verdict of each expression on what it sees: None if it is not sound, and if nothing may be seen.

    Of a failure the reason is given, and whether it is for want of an entry.
    """
    seen, longest, expressions = request
    values = None if seen is None else Values(seen, longest)
    for expression in expressions:
        program = program_of(expression)
        if program is None:
            yield None
        else:
            yield _plain(values.judge(program, expression) if values else False)


def _plain(verdict: PolicyVerdict) -> Any:
    return [verdict.why, verdict.entry] if isinstance(verdict, Failed) else verdict


def examine(expression: str) -> Iterator[dict[str, Any]]:
    """Give what is wrong with an expression: why it is ``refused``, its ``faults``, or how it ``fails``."""
    try:
        program = compile(expression)
    except ExpressionError as refused:
        yield {"refused": [refused.message, refused.line, refused.column, refused.hint]}
        return
    found = unsound(expression)
    verdict = True if found else program.judge(minimal())
    yield {
        "faults": [[each.at, each.message, each.hint, each.length] for each in found[:_MOST_FAULTS]],
        "fails": verdict.why if isinstance(verdict, Failed) and not verdict.entry else None,
    }


def show(policy: Policy) -> Iterator[Any]:
    """Give whether a policy can be evaluated; then of each example what is wrong with it."""
    from rollout_spec.checks.policies.examples import shown

    program = program_of(policy.expression)
    yield program is not None
    for examples, wanted in ((policy.passes, True), (policy.fails, False)):
        for example in examples:
            problem = shown(policy, program, example, wanted) if program else None
            yield problem and [problem.path, problem.message, problem.hint, problem.on_key]
