"""A candidate is stable upstream first, with an identical record.

Upstream is the workspace that ``after`` names. Environments in one git repository promote by copying a record from one
to the next. A test upstream is valid here only for the same record: its digest, its pins, its serving settings. A
candidate needs this from its proposal on. With a base, upstream may change later: to keep the candidate in its stage,
or to take it back, is then a warning, so that no event upstream blocks this workspace. A rollback never needs it.

Fails::

    # .rollout-spec.yaml
    spec: {after: ../staging}
    # ../staging/.rollout-spec.yaml
    metadata: {name: acme-staging}
    # ../staging/rollouts/fraud.yaml
    spec:
      live: {stable: "41", candidate: "42", stage: canary-5}    # 42 is only a candidate there
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
    """Look up the candidate in the upstream workspace."""
    rollout, settings = subject.model, subject.repository.settings
    candidate = rollout.spec.live.candidate
    if candidate is None or settings is None or settings.after is None:
        return
    upstream = subject.repository.elsewhere(settings.after)
    if upstream is None or upstream.settings is None:
        return  # references-exist reports it
    missing = _missing_upstream(rollout, candidate, upstream)
    if missing is not None:
        is_by_this_change = subject.before is None or has_progressed(subject.before.spec, rollout.spec)
        severity: Severity = "error" if is_by_this_change else "warning"
        yield Problem(("spec", "live", "candidate"), *missing, severity)


def _missing_upstream(rollout: ModelRollout, candidate: str, upstream: Repository) -> tuple[str, str] | None:
    """Return what the candidate lacks upstream, with a hint, or None if it lacks nothing."""
    name, workspace = rollout.metadata.name, upstream.workspace_name
    file = upstream.rollout(name)
    first = f"promote {candidate} in {workspace} first"
    if file is None:
        return f"{candidate} is not stable in {workspace}: it has no rollout {name}", first
    if file.model is None:
        return f"cannot tell what is stable in {workspace}: its {file.path} does not load", f"repair it in {workspace}"
    live, record = file.model.spec.live, file.model.spec.versions.get(candidate)
    if live.stable != candidate or record is None:
        if candidate in live.known_good:
            return f"{candidate} is no longer stable in {workspace}: {live.stable} is", f"propose {live.stable}"
        return f"{candidate} is not stable in {workspace}: {live.stable} is", first
    fields = list(_differences(rollout.spec.versions[candidate], record))
    if not fields:
        return None
    names = join_some([f"`{field}`" for field in fields], _SHOWN)
    verb = "differs" if len(fields) == 1 else "differ"
    hint = f"copy the record of {workspace}; if {candidate} was merged here already, record it as a new version"
    return f"{candidate} is stable in {workspace} with another record: {names} {verb}", hint


def _differences(record: VersionRecord, upstream: VersionRecord) -> Iterator[str]:
    """Yield the fields in which two records differ, one level deep into mappings."""
    own, other = record.model_dump(by_alias=True), upstream.model_dump(by_alias=True)
    for field, value in own.items():
        if isinstance(value, dict) and isinstance(other[field], dict):
            keys = {**value, **other[field]}
            yield from (f"{field}.{key}" for key in keys if value.get(key) != other[field].get(key))
        elif value != other[field]:
            yield field
