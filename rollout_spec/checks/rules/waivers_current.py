"""A waiver names a policy and a rollout that are there, and has not expired.

A waiver is a debt with a date. One that has expired waives nothing, and so its policy speaks again; it is taken out
once the rollout meets the policy, so that the list says what is owed. One that nothing needs is taken out too.

Fails::

    # .rollout-spec.yaml
    spec:
      policies: [baseline]
      waivers:
        - {policy: runbook-linked, rollout: fraud, reason: It is being written., expires: 2026-10-31}    # that is over

Passes::

    # .rollout-spec.yaml
    spec:
      policies: [baseline]
      waivers:
        - {policy: runbook-linked, rollout: fraud, reason: It is being written., expires: 2026-12-31}
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from rollout_spec.checks import policies
from rollout_spec.checks.rules.base import Subject
from rollout_spec.core.findings import KeyPath, Problem
from rollout_spec.core.text import did_you_mean

if TYPE_CHECKING:
    from rollout_spec.spec.workspace import Waiver

KINDS = frozenset({"Workspace"})
NEEDS = ""
UNCONDITIONAL = False

_PASSING = re.compile(r"\b(?:base|now|inFlight)\b")
"""What an expression names that is about a step or a moment: that it is met today says nothing about tomorrow."""


def check(subject: Subject) -> Iterator[Problem]:
    """Look at each waiver."""
    repository = subject.repository
    waivers = subject.model.spec.waivers
    packs = [repository.pack(reference) for reference in subject.model.spec.policies]
    complete = all(pack and pack.model for pack in packs)  # else nobody knows what the others hold
    known = {each.name for each in policies.policies_of(repository)} if waivers else set()
    seen: set[tuple[str, str]] = set()
    for index, waiver in enumerate(waivers):
        at: KeyPath = ("spec", "waivers", index)
        if complete and waiver.policy not in known:
            words = f"no pack of this workspace has a policy `{waiver.policy}`"
            yield Problem((*at, "policy"), words, did_you_mean(waiver.policy, known))
        elif repository.rollout(waiver.rollout) is None:
            hint = did_you_mean(waiver.rollout, repository.names("rollouts"))
            yield Problem((*at, "rollout"), f"there is no rollout `{waiver.rollout}`", hint)
        elif (waiver.policy, waiver.rollout) in seen:
            words = f"{waiver.rollout} is waived from `{waiver.policy}` in this list already"
            yield Problem((*at, "policy"), words, None, "warning")
        else:
            yield from _outdated(waiver, at, subject)
        seen.add((waiver.policy, waiver.rollout))


def _outdated(waiver: Waiver, at: KeyPath, subject: Subject) -> Iterator[Problem]:
    if subject.now is None:
        return
    if waiver.ends <= subject.now:
        words = f"this waiver expired: {waiver.rollout} has to meet `{waiver.policy}` again"
        yield Problem((*at, "expires"), words, "remove it once that holds", "warning")
    elif subject.whole and _needless(waiver, subject):
        words = f"{waiver.rollout} meets `{waiver.policy}`, and needs no waiver"
        yield Problem((*at, "policy"), words, "remove it", "warning")


def _needless(waiver: Waiver, subject: Subject) -> bool:
    """Do the rollout and the policy load, and does the one meet the other without it?"""
    file = subject.repository.rollout(waiver.rollout)
    found = next((each for each in policies.policies_of(subject.repository) if each.name == waiver.policy), None)
    if file is None or file.model is None or subject.now is None:
        return False
    if found is None or _PASSING.search(found.policy.expression):
        return False
    told = policies.check(file, subject.repository, subject.base, subject.now)
    return waiver.policy not in {name for name, _ in told}
