"""A waiver names an existing policy and rollout, has not expired, and is needed.

A waiver is an exception with an end. After it has expired its policy applies again. Remove a waiver as soon as the
rollout satisfies the policy, so that the list shows the open exceptions only.

Fails::

    # .rollout-spec.yaml
    spec:
      policies: [baseline]
      waivers:
        - {policy: runbook-linked, rollout: fraud, reason: It is being written., expires: 2026-10-31}    # in the past

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

_MOMENTARY = re.compile(r"\b(?:base|now|inFlight)\b")
"""Names of values that change by themselves: an expression with one may be true today and false tomorrow."""


def check(subject: Subject) -> Iterator[Problem]:
    """Check each waiver."""
    repository = subject.repository
    waivers = subject.model.spec.waivers
    packs = [repository.pack(reference) for reference in subject.model.spec.policies]
    complete = all(pack and pack.model for pack in packs)  # else some policies are unknown
    known = {policy.name for policy in policies.policies_of(repository)} if waivers else set()
    seen: set[tuple[str, str]] = set()
    for index, waiver in enumerate(waivers):
        at: KeyPath = ("spec", "waivers", index)
        if complete and waiver.policy not in known:
            message = f"no pack of this workspace has a policy `{waiver.policy}`"
            yield Problem((*at, "policy"), message, did_you_mean(waiver.policy, known))
        elif repository.rollout(waiver.rollout) is None:
            hint = did_you_mean(waiver.rollout, repository.names("rollouts"))
            yield Problem((*at, "rollout"), f"there is no rollout `{waiver.rollout}`", hint)
        elif (waiver.policy, waiver.rollout) in seen:
            message = f"`{waiver.policy}` is waived twice for {waiver.rollout}"
            yield Problem((*at, "policy"), message, None, "warning")
        else:
            yield from _expired_or_needless(waiver, at, subject)
        seen.add((waiver.policy, waiver.rollout))


def _expired_or_needless(waiver: Waiver, at: KeyPath, subject: Subject) -> Iterator[Problem]:
    if subject.now is None:
        return
    if waiver.ends <= subject.now:
        message = f"this waiver has expired: `{waiver.policy}` applies to {waiver.rollout} again"
        yield Problem((*at, "expires"), message, "remove it when the rollout satisfies the policy", "warning")
    elif subject.whole and _is_needless(waiver, subject):
        message = f"this waiver is not needed: {waiver.rollout} satisfies `{waiver.policy}`"
        yield Problem((*at, "policy"), message, "remove it", "warning")


def _is_needless(waiver: Waiver, subject: Subject) -> bool:
    """Return whether the rollout and the policy load, and the rollout satisfies the policy."""
    file = subject.repository.rollout(waiver.rollout)
    in_force = next(
        (policy for policy in policies.policies_of(subject.repository) if policy.name == waiver.policy), None
    )
    if file is None or file.model is None or subject.now is None:
        return False
    if in_force is None or _MOMENTARY.search(in_force.policy.expression):
        return False
    violated = policies.check(file, subject.repository, subject.base, subject.now)
    return waiver.policy not in {name for name, _ in violated}
