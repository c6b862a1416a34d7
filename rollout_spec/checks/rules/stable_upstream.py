"""A candidate is stable upstream first: in the workspace that ``after`` names, with an identical record.

Environments in one git repository promote by copying a record from one to the next. What is tried upstream is worth
something here only if it is the same: one digest, one set of pins, one way to serve them. From its proposal on, a
candidate needs that. With a base, upstream may move on meanwhile: to leave the candidate as it is, or to take it back,
is then a warning, so that nothing which happens upstream waits for this workspace. A rollback never needs it.

Fails::

    # .rollout-spec.yaml
    spec: {after: ../staging}
    # ../staging/.rollout-spec.yaml
    metadata: {name: acme-staging}
    # ../staging/rollouts/fraud.yaml
    spec:
      live: {stable: "41", candidate: "42", stage: canary-5}    # 42 is on trial there
    # rollouts/fraud.yaml
    spec:
      live: {stable: "41", candidate: "42", stage: canary-5}

Passes::

    # .rollout-spec.yaml
    spec: {after: ../staging}
    # ../staging/.rollout-spec.yaml
    metadata: {name: acme-staging}
    # ../staging/rollouts/fraud.yaml
    spec:
      live: {stable: "42", candidate: null, stage: null, knownGood: ["41", "40"]}
    # rollouts/fraud.yaml
    spec:
      live: {stable: "41", candidate: "42", stage: canary-5}
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rollout_spec.checks.rules.base import Subject
from rollout_spec.core.findings import Problem, Severity
from rollout_spec.core.text import join_some
from rollout_spec.domain.traffic import has_progressed
from rollout_spec.workspace.repository import Repository

if TYPE_CHECKING:
    from rollout_spec.spec.rollout import ModelRollout, VersionRecord

KINDS = frozenset({"ModelRollout"})
NEEDS = ""
UNCONDITIONAL = False

_SHOWN = 5


def check(subject: Subject) -> Iterator[Problem]:
    """Look the candidate up in the workspace upstream."""
    rollout, settings = subject.model, subject.repository.settings
    candidate = rollout.spec.live.candidate
    if candidate is None or settings is None or settings.after is None:
        return
    upstream = subject.repository.elsewhere(settings.after)
    if upstream is None or upstream.settings is None:
        return  # references-exist says so
    lack = _lack(rollout, candidate, upstream)
    if lack is not None:
        brought = subject.before is None or has_progressed(subject.before.spec, rollout.spec)
        severity: Severity = "error" if brought else "warning"
        yield Problem(("spec", "live", "candidate"), *lack, severity)


def _lack(rollout: ModelRollout, candidate: str, upstream: Repository) -> tuple[str, str] | None:
    """Say what the candidate lacks upstream, and what to do; None where it lacks nothing."""
    name, there = rollout.metadata.name, upstream.workspace_name
    file = upstream.rollout(name)
    first = f"promote {candidate} in {there} first"
    if file is None:
        return f"{there} has no rollout {name}, so that {candidate} is not stable there", first
    if file.model is None:
        return f"{file.path} of {there} does not load, so that nobody knows what is stable there", f"mend it in {there}"
    live, record = file.model.spec.live, file.model.spec.versions.get(candidate)
    if live.stable != candidate or record is None:
        past = f"{candidate} was stable in {there}, and {live.stable} is now"
        words = past if candidate in live.known_good else f"{candidate} is not stable in {there}: {live.stable} is"
        return words, f"propose {live.stable}" if candidate in live.known_good else first
    fields = list(_differences(rollout.spec.versions[candidate], record))
    if not fields:
        return None
    told = join_some([f"`{field}`" for field in fields], _SHOWN)
    verb = "differs" if len(fields) == 1 else "differ"
    words = f"{candidate} is stable in {there} with another record: {told} {verb}"
    return words, f"record it as {there} does; under a version of its own, where {candidate} was merged here already"


def _differences(ours: VersionRecord, theirs: VersionRecord) -> Iterator[str]:
    """Give the fields in which two records differ, one level into those that hold others."""
    here, there = (record.model_dump(by_alias=True) for record in (ours, theirs))
    for field in here:
        mine, other = here[field], there[field]
        if isinstance(mine, dict) and isinstance(other, dict):
            yield from (f"{field}.{key}" for key in {**mine, **other} if mine.get(key) != other.get(key))
        elif mine != other:
            yield field
