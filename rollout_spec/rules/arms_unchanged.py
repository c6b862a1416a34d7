"""While a candidate is in flight, nothing else changes what stable is.

Stable is the control arm that the candidate is compared with, and the place that a rollback goes to. An edit of a target's
options, of a template or of the service that re-renders it makes the comparison one of two changes, and the way back one
that nobody has seen work.
"""

from __future__ import annotations

from collections.abc import Iterator

from rollout_spec import traffic
from rollout_spec.finding import Problem
from rollout_spec.rules.subject import Subject
from rollout_spec.targets.inputs import changed

KINDS = frozenset({"ModelRollout"})
NEEDS = "base"
UNCONDITIONAL = False


def check(subject: Subject) -> Iterator[Problem]:
    """Compare what is rendered for stable, and for the version behind it, with what the base renders."""
    after, before = subject.model, subject.before
    if before is None or subject.base is None or before.spec.live.stable != after.spec.live.stable:
        return
    if traffic.split(before.spec).candidate is None or traffic.split(after.spec).candidate is None:
        return
    if not changed(subject.file, subject.repository, subject.base):
        return
    from rollout_spec.errors import UserError
    from rollout_spec.targets.facts import kept_up
    from rollout_spec.targets.render import render, workloads

    try:
        old, new = render(before, subject.base), render(after, subject.repository)
    except UserError:
        return  # manifests-current says so
    kept = kept_up(before, subject.base)
    for version in kept:
        if version == after.spec.live.candidate or version not in kept_up(after, subject.repository):
            continue
        theirs, ours = workloads(old, version), workloads(new, version)
        for manifest in new:
            if manifest.path in theirs and theirs[manifest.path] != ours.get(manifest.path):
                target = after.spec.targets[manifest.target].type
                arm = "stable" if version == after.spec.live.stable else "the way back from stable"
                words = f"this changes what {target} runs for {version}, which is {arm}, while {after.spec.live.candidate} is in flight"
                yield Problem(("spec", "targets", manifest.target), words, "promote or withdraw the candidate first")
