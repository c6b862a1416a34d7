"""While a candidate is in flight, nothing else changes what stable is.

Stable is the control arm that the candidate is compared with, and the place that a rollback goes to. An edit of a
target's options, of a template or of the service that re-renders it makes the comparison one of two changes, and the
way back one that nobody has seen work.

Fails::

    spec:
      live: {stable: "41", candidate: "42", stage: canary-5}
      targets:
        - {type: kserve, minReplicas: 3}    # new, and for stable too
        - {type: gateway-api, gateway: {name: edge}}

Passes::

    spec:
      live: {stable: "41", candidate: "42", stage: canary-5}
      targets:
        - {type: kserve}
        - {type: gateway-api, gateway: {name: edge}}
      rollback: {window: 14d}    # new, and not rendered
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from rollout_spec.checks.rules.base import Subject
from rollout_spec.core.findings import KeyPath, Problem
from rollout_spec.domain import traffic
from rollout_spec.render.inputs import inputs_changed

if TYPE_CHECKING:
    from rollout_spec.render.renderer import Manifest
    from rollout_spec.spec.rollout import Live

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
    if not inputs_changed(subject.file, subject.repository, subject.base):
        return
    from rollout_spec.core.errors import UserError
    from rollout_spec.render.context import workload_roles
    from rollout_spec.render.renderer import render

    try:
        old, new = render(before, subject.base), render(after, subject.repository)
    except UserError:
        return  # manifests-current says so
    there = workload_roles(after, subject.repository)
    for version in workload_roles(before, subject.base):
        if version in there and version != after.spec.live.candidate:
            yield from _compared(version, old, new, after.spec.live)


def _compared(version: str, old: list[Manifest], new: list[Manifest], live: Live) -> Iterator[Problem]:
    from rollout_spec.render.renderer import workloads

    theirs, ours = workloads(old, version), workloads(new, version)
    places = {manifest.path: manifest.target for manifest in new}
    arm = "stable" if version == live.stable else "the way back from stable"
    for path in dict.fromkeys((*theirs, *ours)):
        if theirs.get(path) != ours.get(path):
            at: KeyPath = ("spec", "targets", places[path]) if path in places else ("spec", "targets")
            words = f"this changes what {PurePosixPath(path).stem} runs for {version}, which is {arm}"
            hint = "promote or withdraw the candidate first"
            yield Problem(at, f"{words}, while {live.candidate} is in flight", hint)
