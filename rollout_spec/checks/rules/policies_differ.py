"""A workspace names each pack once, and no two of its packs have a policy of the same name.

A finding, a waiver and a severity refer to a policy by its name alone. If two policies had one name, a severity, waiver
or comment that is meant for one would apply to the other.

Fails::

    # .rollout-spec.yaml
    spec: {policies: [baseline, baseline]}

Passes::

    # .rollout-spec.yaml
    spec: {policies: [baseline]}
"""

from __future__ import annotations

from collections.abc import Iterator

from rollout_spec.checks.rules.base import Subject
from rollout_spec.core.findings import KeyPath, Problem

KINDS = frozenset({"Workspace"})
NEEDS = ""
UNCONDITIONAL = True


def check(subject: Subject) -> Iterator[Problem]:
    """Compare the packs in the order of the workspace's list."""
    owner: dict[str, str] = {}
    packs: set[str] = set()
    for index, reference in enumerate(subject.model.spec.policies):
        at: KeyPath = ("spec", "policies", index)
        pack = subject.repository.pack(reference)
        if reference in packs:
            yield Problem(at, f"the pack {reference} is listed twice")
        elif pack and pack.model:
            names = dict.fromkeys(policy.name for policy in pack.model.spec.policies)
            for name in names:
                if name in owner:
                    message = f"the packs {owner[name]} and {reference} both have a policy `{name}`"
                    yield Problem(at, message, "rename one of them: findings and waivers use the name alone")
                owner.setdefault(name, reference)
        packs.add(reference)
