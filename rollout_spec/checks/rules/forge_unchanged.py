"""The forge of a workspace changes by a decision of its own.

`forge` says where rollbacks are pushed, which branch is live, and which host is asked for pull requests. An edit of it
in passing sends the next rollback elsewhere. A workspace that is to move says so first: a change that is merged before
lowers this rule in `severity`. Only the base's severity counts, and no comment silences the rule, so that no change
allows itself.

Fails::

    # .rollout-spec.yaml
    apiVersion: rollout-spec/v1
    kind: Workspace
    metadata: {name: acme-models}
    spec:
      metrics:
        conversion_rate: {kind: ratio, good: up, events: shop_orders_total, total: shop_sessions_total}
        psi: {kind: value, good: down, query: 'model_psi{version="{{ version }}"}'}
      forge: {type: github, repository: acme/models, baseUrl: https://github.example.org}    # another host than before

Passes::

    # .rollout-spec.yaml
    apiVersion: rollout-spec/v1
    kind: Workspace
    metadata: {name: acme-models}
    spec:
      metrics:
        conversion_rate: {kind: ratio, good: up, events: shop_orders_total, total: shop_sessions_total}
        psi: {kind: value, good: down, query: 'model_psi{version="{{ version }}"}'}
      forge: {type: github, repository: acme/models, remote: origin}    # spelled out, and the same
"""

from __future__ import annotations

from collections.abc import Iterator

from rollout_spec.checks.rules.base import Subject
from rollout_spec.core.findings import Problem
from rollout_spec.core.text import excerpt

KINDS = frozenset({"Workspace"})
NEEDS = "base"
UNCONDITIONAL = False

_HINT = "to move the workspace, lower `forge-unchanged` in `severity` first, in a change that is merged before this one"


def check(subject: Subject) -> Iterator[Problem]:
    """Compare each field of the forge with what it is on the base."""
    before = subject.before.spec.forge if subject.before is not None else None
    if before is None:
        return
    after = subject.model.spec.forge
    if after is None:
        yield Problem(("spec", "forge"), "the forge is gone, and the base has one", _HINT, on_key=True)
        return
    then, now = before.model_dump(by_alias=True), after.model_dump(by_alias=True)
    for name, value in now.items():
        if value != then[name]:
            words = f"`forge.{name}` changes from {_shown(then[name])} to {_shown(value)}"
            yield Problem(("spec", "forge", name), words, _HINT)


def _shown(value: object) -> str:
    return "nothing" if value is None else excerpt(str(value))
