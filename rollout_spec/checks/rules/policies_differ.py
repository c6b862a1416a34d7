"""Policies of the packs that a workspace names have different names, and each pack is named once.

A finding, a waiver and a raised severity bear a policy's name alone. Were two policies called alike, one of them would
be raised, waived or silenced in the place of the other.

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
    """Compare the packs in the order in which they are named."""
    owner: dict[str, str] = {}
    packs: set[str] = set()
    for index, reference in enumerate(subject.model.spec.policies):
        at: KeyPath = ("spec", "policies", index)
        pack = subject.repository.pack(reference)
        if reference in packs:
            yield Problem(at, f"the pack {reference} is in this list already")
        elif pack and pack.model:
            names = dict.fromkeys(policy.name for policy in pack.model.spec.policies)
            for name in names:
                if name in owner:
                    words = f"the packs {owner[name]} and {reference} both have a policy `{name}`"
                    yield Problem(at, words, "rename one: findings and waivers bear a policy's name alone")
                owner.setdefault(name, reference)
        packs.add(reference)
