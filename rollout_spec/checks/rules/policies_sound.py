"""Every expression of a policy pack compiles, and uses only fields that exist.

An expression with a misspelt field would fail on the first rollout that it is evaluated for, or stay hidden behind an
``||`` for years. So each expression is compiled, its fields are looked up in the models, and each of its comparisons
must be one that can be true. It is then evaluated on a sample rollout that sets every field, and must not fail. On a
sample that sets only the required fields a failure is a warning. An expression that could fill the memory is refused.
``at`` must be a field of a rollout, and a policy must not have the name of a rule.

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
          message: the rollout links no runbook
          why: The person on call at night may not know this model.

Passes::

    # policies/payments.yaml
    apiVersion: rollout-spec/v1
    kind: PolicyPack
    metadata: {name: payments}
    spec:
      policies:
        - name: runbook-there
          expression: rollout.spec.rollback.runbook != null
          message: the rollout links no runbook
          why: The person on call at night may not know this model.
"""

from __future__ import annotations

from collections.abc import Iterator

from rollout_spec.checks.policies import path_of
from rollout_spec.checks.policies.positions import span_at
from rollout_spec.checks.rules.base import Subject
from rollout_spec.core import bounded_process as confined
from rollout_spec.core.findings import KeyPath, Problem
from rollout_spec.core.text import did_you_mean

KINDS = frozenset({"PolicyPack"})
NEEDS = ""
UNCONDITIONAL = True


def check(subject: Subject) -> Iterator[Problem]:
    """Check each policy of a pack."""
    for index, policy in enumerate(subject.model.spec.policies):
        at: KeyPath = ("spec", "policies", index)
        if policy.name in subject.rule_names:
            message = f"`{policy.name}` is already the name of a rule"
            yield Problem((*at, "name"), message, "give the policy another name")
        if policy.at is not None:
            yield from _at(policy.at, (*at, "at"))
        yield from _expression(policy.expression, (*at, "expression"), subject)
        if policy.message_expression is not None:
            yield from _expression(policy.message_expression, (*at, "messageExpression"), subject, gives_text=True)


def _expression(text: str, path: KeyPath, subject: Subject, *, gives_text: bool = False) -> Iterator[Problem]:
    from rollout_spec.checks.policies.cel import ExpressionError
    from rollout_spec.checks.policies.confined import examine

    document = subject.file.document
    try:
        faults, failure = examine(text, subject.file.path, gives_text=gives_text)
    except confined.StoppedError as stopped:
        yield Problem(path, stopped.reason, stopped.hint)
        return
    except ExpressionError as error:
        offset = sum(len(line) + 1 for line in text.split("\n")[: error.line - 1]) + error.column - 1
        span = span_at(document, path, min(offset, max(len(text.rstrip()) - 1, 0)))
        yield Problem(path, error.message, error.hint, span=span)
        return
    for fault in faults:
        yield Problem(path, fault.message, fault.hint, span=span_at(document, path, fault.at, fault.length))
    if failure is not None:
        message = f"this fails on a rollout without its optional fields: {failure}"
        yield Problem(path, message, "handle null: `x == null || …`, `x != null && …`", "warning")


def _at(at: str, path: KeyPath) -> Iterator[Problem]:
    """Follow ``at`` through the fields of a rollout."""
    from rollout_spec.checks.policies.types import LIST, variables

    shape = variables()["rollout"]
    for step in path_of(at):
        if isinstance(step, int) or shape.fields is None:
            if shape.item is None or isinstance(step, int) != (LIST in shape.kinds):
                yield Problem(path, f"`{at}` is not a field of a rollout: there is nothing at `{step}`")
                return
            shape = shape.item
        elif step in shape.fields:
            shape = shape.fields[step]
        else:
            message = f"a rollout has no field `{at}`: there is no `{step}`"
            yield Problem(path, message, did_you_mean(step, shape.fields))
            return
