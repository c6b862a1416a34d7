"""The policies of a workspace's own packs, compiled and evaluated in a confined process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rollout_spec.checks.policies.bindings import Values
from rollout_spec.checks.policies.cel import ExpressionError, Failed, PolicyVerdict
from rollout_spec.checks.policies.type_rules import Fault
from rollout_spec.core import bounded_process as confined
from rollout_spec.core.findings import Problem
from rollout_spec.spec.policy_pack import Policy

_TASKS = "rollout_spec.checks.policies.confined_tasks"


def verdicts(expressions: Sequence[str], variables: Values | Failed, path: str) -> list[PolicyVerdict | None]:
    """Return the verdict of each expression, or None if it does not compile or is not sound.

    An expression that exceeds a limit has failed. Those after it are evaluated as long as there is time.
    """
    request = (None, 0) if isinstance(variables, Failed) else (variables.variables, variables.longest)
    results: list[PolicyVerdict | None] = []
    while len(results) < len(expressions):
        remaining = expressions[len(results) :]
        try:
            answers = confined.ask(f"{_TASKS}:judge", (*request, remaining), len(remaining), path)
            results += [_verdict(answer, variables) for answer in answers]
        except confined.StoppedError as stopped:
            answered = stopped.answers[: len(remaining) - 1]
            failed = Failed(stopped.reason, hint=stopped.hint, is_exceeding=stopped.has_run)
            results += [*(_verdict(answer, variables) for answer in answered), failed]
    return results


def _verdict(answer: Any, variables: Values | Failed) -> PolicyVerdict | None:
    if answer is None or answer is True:
        return answer
    if isinstance(variables, Failed):
        return variables
    if isinstance(answer, list):
        why, entry = answer
        return Failed(str(why), bool(entry))
    return False


def text_of(expression: str, variables: Values, path: str) -> str | None:
    """Return the text that the expression of a message gives, or None if it gives none."""
    try:
        request = (variables.variables, variables.longest, expression)
        [answer] = confined.ask(f"{_TASKS}:message_text", request, 1, path)
    except confined.StoppedError:
        return None
    return answer if isinstance(answer, str) and variables.unread(expression) is None else None


def examine(expression: str, path: str, *, gives_text: bool = False) -> tuple[list[Fault], str | None]:
    """Return the faults of an expression, and how it fails on a rollout without optional fields.

    ``gives_text``: it is that of a message.
    Raise ``ExpressionError`` if it does not compile, and ``confined.StoppedError`` if it exceeds a limit.
    """
    [answer] = confined.ask(f"{_TASKS}:examine", (expression, gives_text), 1, path)
    if "refused" in answer:
        raise ExpressionError(*answer["refused"])
    return [Fault(*fault) for fault in answer["faults"]], answer["fails"]


def example_problems(policy: Policy, path: str) -> Iterator[Problem | None]:
    """Yield the problem of each example of a policy. Raise ``ExpressionError`` if it cannot be evaluated.

    Raise ``confined.StoppedError`` after the examples before the one that exceeds a limit.
    """
    stopped = None
    try:
        count = 1 + len(policy.passes) + len(policy.fails)
        answers = confined.ask(f"{_TASKS}:show", policy, count, path)
    except confined.StoppedError as error:
        answers, stopped = error.answers, error
    if answers[:1] != [True] and stopped is None:
        raise ExpressionError("the expression cannot be evaluated")
    for answer in answers[1:]:
        yield Problem(tuple(answer[0]), answer[1], answer[2], on_key=bool(answer[3])) if answer else None
    if stopped is not None:
        raise stopped
