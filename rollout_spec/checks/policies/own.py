"""The policies of a workspace's own packs, which are compiled and evaluated in a confined process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rollout_spec.checks.policies.bindings import Values
from rollout_spec.checks.policies.cel import ExpressionError, Failed, PolicyVerdict
from rollout_spec.checks.policies.type_rules import Fault
from rollout_spec.core import bounded_process as confined
from rollout_spec.core.findings import Problem
from rollout_spec.spec.policy_pack import Policy

_TASKS = "rollout_spec.checks.policies.asked"


def verdicts(expressions: Sequence[str], given: Values | Failed, about: str) -> list[PolicyVerdict | None]:
    """Return the verdict of each expression; None for one that does not compile or is not sound.

    One that exceeds a limit has failed; those after it are evaluated, as long as there is time.
    """
    seen = (None, 0) if isinstance(given, Failed) else (given.seen, given.longest)
    found: list[PolicyVerdict | None] = []
    while len(found) < len(expressions):
        todo = expressions[len(found) :]
        try:
            answers = confined.ask(f"{_TASKS}:judge", (*seen, todo), len(todo), about)
            found += [_verdict(each, given) for each in answers]
        except confined.StoppedError as stopped:
            done = stopped.answers[: len(todo) - 1]
            failed = Failed(stopped.reason, hint=stopped.hint, is_exceeding=stopped.has_run)
            found += [*(_verdict(each, given) for each in done), failed]
    return found


def _verdict(answer: Any, given: Values | Failed) -> PolicyVerdict | None:
    if answer is None or answer is True:
        return answer
    if isinstance(given, Failed):
        return given
    if isinstance(answer, list):
        why, entry = answer
        return Failed(str(why), bool(entry))
    return False


def examined(expression: str, about: str) -> tuple[list[Fault], str | None]:
    """Return what is wrong with an expression, and how it fails on a rollout that leaves out what it may.

    Raises ``Refused`` if it does not compile, and ``confined.StoppedError`` if it exceeds a limit.
    """
    [answer] = confined.ask(f"{_TASKS}:examine", expression, 1, about)
    if "refused" in answer:
        raise ExpressionError(*answer["refused"])
    return [Fault(*each) for each in answer["faults"]], answer["fails"]


def shown(policy: Policy, about: str) -> Iterator[Problem | None]:
    """Give what is wrong with each example of a policy. Raises ``Refused`` if it cannot be evaluated.

    Raises ``confined.StoppedError`` behind what is wrong with those before the one that exceeds a limit.
    """
    stopped = None
    try:
        count = 1 + len(policy.passes) + len(policy.fails)
        answers = confined.ask(f"{_TASKS}:show", policy, count, about)
    except confined.StoppedError as told:
        answers, stopped = told.answers, told
    if answers[:1] != [True] and stopped is None:
        raise ExpressionError("it cannot be evaluated")
    for answer in answers[1:]:
        yield Problem(tuple(answer[0]), answer[1], answer[2], on_key=bool(answer[3])) if answer else None
    if stopped is not None:
        raise stopped
