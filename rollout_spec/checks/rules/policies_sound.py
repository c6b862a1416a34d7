"""Every expression of a policy pack compiles, and asks for what is there.

An expression with a misspelt field would fail on the first rollout for which it is evaluated, or hide behind an ``||``
for years. So each is compiled, each field that it names is looked up in the models, each comparison is one that can be
true, and it is evaluated on a rollout that says everything; one that fails on a rollout which says the least is a
warning. What could fill the memory is refused. ``at`` is a field, and a policy's name is its own.

Source: https://github.com/google/cel-spec/blob/master/doc/langdef.md

Fails::

    # policies/payments.yaml
    apiVersion: rollout-spec/v1
    kind: PolicyPack
    metadata: {name: payments}
    spec:
      policies:
        - name: runbook-there
          expression: rollout.spec.rolback.runbook != null    # no such field
          message: a rollout links its runbook
          why: The person on call at night has never seen this model.

Passes::

    # policies/payments.yaml
    apiVersion: rollout-spec/v1
    kind: PolicyPack
    metadata: {name: payments}
    spec:
      policies:
        - name: runbook-there
          expression: rollout.spec.rollback.runbook != null
          message: a rollout links its runbook
          why: The person on call at night has never seen this model.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rollout_spec.checks.policies import path_of
from rollout_spec.checks.policies import positions as places
from rollout_spec.checks.rules.base import Subject
from rollout_spec.core import bounded_process as confined
from rollout_spec.core.findings import KeyPath, Problem
from rollout_spec.core.text import did_you_mean

if TYPE_CHECKING:
    from rollout_spec.spec.policy_pack import Policy

KINDS = frozenset({"PolicyPack"})
NEEDS = ""
UNCONDITIONAL = True


def check(subject: Subject) -> Iterator[Problem]:
    """Look into each policy of a pack."""
    for index, policy in enumerate(subject.model.spec.policies):
        at: KeyPath = ("spec", "policies", index)
        if policy.name in subject.taken:
            words = f"`{policy.name}` is the name of a rule"
            yield Problem((*at, "name"), words, "give the policy a name of its own")
        if policy.at is not None:
            yield from _at(policy.at, (*at, "at"))
        yield from _expression(policy, (*at, "expression"), subject)


def _expression(policy: Policy, path: KeyPath, subject: Subject) -> Iterator[Problem]:
    from rollout_spec.checks.policies.cel import ExpressionError
    from rollout_spec.checks.policies.own import examined

    text, document = policy.expression, subject.file.document
    try:
        found, failure = examined(text, subject.file.path)
    except confined.StoppedError as stopped:
        yield Problem(path, stopped.reason, stopped.hint)
        return
    except ExpressionError as refused:
        offset = sum(len(line) + 1 for line in text.split("\n")[: refused.line - 1]) + refused.column - 1
        span = places.place(document, path, min(offset, max(len(text.rstrip()) - 1, 0)))
        yield Problem(path, refused.message, refused.hint, span=span)
        return
    for each in found:
        yield Problem(path, each.message, each.hint, span=places.place(document, path, each.at, each.length))
    if failure is not None:
        words = f"this fails on a rollout that leaves out what it may: {failure}"
        yield Problem(path, words, "say what holds then: `x == null || …`, `x != null && …`", "warning")


def _at(at: str, path: KeyPath) -> Iterator[Problem]:
    """Follow ``at`` through the fields of a rollout."""
    from rollout_spec.checks.policies.types import LIST, variables

    here = variables()["rollout"]
    for step in path_of(at):
        if isinstance(step, int) or here.fields is None:
            if here.item is None or isinstance(step, int) != (LIST in here.kinds):
                yield Problem(path, f"`{at}` leads nowhere: there is nothing at `{step}`")
                return
            here = here.item
        elif step in here.fields:
            here = here.fields[step]
        else:
            words = f"a rollout has no field `{at}`: there is no `{step}`"
            yield Problem(path, words, did_you_mean(step, here.fields))
            return
