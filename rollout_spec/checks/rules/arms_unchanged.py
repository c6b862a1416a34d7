"""While a candidate is in flight, the manifests of stable do not change.

Stable is the control arm of the candidate, and its rollback target. If an edit of a target's options, of a template or
of the service re-renders it, the comparison is one of two changes, and the rollback target is untested.

Fails::

    spec:
      live: {stable: "41", candidate: "42", stage: canary-5}
      targets:
        - {type: kserve, minReplicas: 3}    # new, for stable too
        - {type: gateway-api, gateway: {name: edge}}

Passes::

    spec:
      live: {stable: "41", candidate: "42", stage: canary-5}
      targets:
        - {type: kserve}
        - {type: gateway-api, gateway: {name: edge}}
      rollback: {window: 14d}    # new, but not rendered
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
    """Compare the manifests of stable and of its rollback target with those of the base."""
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
        return  # manifests-current reports it
    versions = workload_roles(after, subject.repository)
    for version in workload_roles(before, subject.base):
        if version in versions and version != after.spec.live.candidate:
            yield from _compared(version, old, new, after.spec.live)


def _compared(version: str, old: list[Manifest], new: list[Manifest], live: Live) -> Iterator[Problem]:
    from rollout_spec.render.renderer import workloads

    before, after = workloads(old, version), workloads(new, version)
    places = {manifest.path: manifest.target for manifest in new if manifest.target is not None}
    role = "stable" if version == live.stable else "the rollback target of stable"
    for path in dict.fromkeys((*before, *after)):
        if before.get(path) != after.get(path):
            at: KeyPath = ("spec", "targets", places[path]) if path in places else ("spec", "targets")
            message = f"this changes the manifests of {version}, which is {role}, for {PurePosixPath(path).stem}"
            hint = "promote or withdraw the candidate first"
            yield Problem(at, f"{message}, while {live.candidate} is in flight", hint)
