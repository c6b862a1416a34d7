"""A merged incident stays as it is, and only its resolution is written later.

An incident is a quarantine. If its file were deleted, or edited to name another version, the failed version could
return although nobody decided so. The only end of an incident is its resolution, as bad or as cleared. Bad is final:
reopen the incident, and clear it in another change. A change that takes a version back cannot clear it at once, because
no rollback may leave out the quarantine.

If the base has no such rollout, its incidents are imported history and may be resolved already. Changes of facts that
quarantine no version (the trigger, the source, the time) are warnings. Evidence may be added.

Fails::

    # incidents/fraud-40.yaml, on the base
    apiVersion: rollout-spec/v1
    kind: Incident
    metadata: {name: fraud-40}
    spec:
      rollout: fraud
      failedVersion: "40"
      restoredVersion: "39"
      source: alertmanager
      observedAt: 2026-11-20T10:15:00Z
      status: open
    # incidents/fraud-40.yaml
    apiVersion: rollout-spec/v1
    kind: Incident
    metadata: {name: fraud-40}
    spec:
      rollout: fraud
      failedVersion: "40"
      restoredVersion: "41"
      source: alertmanager
      observedAt: 2026-11-20T10:15:00Z
      status: open

Passes::

    # incidents/fraud-40.yaml, on the base
    apiVersion: rollout-spec/v1
    kind: Incident
    metadata: {name: fraud-40}
    spec:
      rollout: fraud
      failedVersion: "40"
      restoredVersion: "39"
      source: alertmanager
      observedAt: 2026-11-20T10:15:00Z
      status: open
    # incidents/fraud-40.yaml
    apiVersion: rollout-spec/v1
    kind: Incident
    metadata: {name: fraud-40}
    spec:
      rollout: fraud
      failedVersion: "40"
      restoredVersion: "39"
      source: alertmanager
      observedAt: 2026-11-20T10:15:00Z
      status: resolved
      verdict: cleared
      reproduced: {environment: staging, link: https://example.com/runs/7}
      rootCause: A network policy, not the model.
      resolution: The policy was taken back.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rollout_spec.checks.rules.base import Subject
from rollout_spec.core.findings import Problem, Severity
from rollout_spec.domain.incident_files import stem_of
from rollout_spec.domain.incidents import readings

if TYPE_CHECKING:
    from rollout_spec.spec.incident import IncidentSpec

KINDS = frozenset({"Incident", "ModelRollout"})
NEEDS = "base"
UNCONDITIONAL = True

_QUARANTINE = ("rollout", "failed_version", "restored_version")
_FACTS = (*_QUARANTINE, "trigger", "source", "observed_at", "stage", "reverts")


def check(subject: Subject) -> Iterator[Problem]:
    """Compare the incident, or the incidents of the rollout, with those on the base."""
    assert subject.base is not None
    if subject.file.kind == "ModelRollout":
        yield from _deleted(subject)
    elif subject.before is not None:
        yield from _changed(subject.before.spec, subject.model.spec)
        yield from _cleared_bad(subject.before.spec, subject.model.spec)
    elif subject.base.file(subject.file.path, "Incident") is None:
        yield from _cleared_at_once(subject)


def _deleted(subject: Subject) -> Iterator[Problem]:
    """Yield a problem at the record of each version whose incident was deleted."""
    assert subject.base is not None
    rollout = subject.model
    before = [reading for reading in readings(rollout, subject.base) if reading.quarantines]
    after = readings(rollout, subject.repository) if before else []
    paths, renamed = (
        {reading.file.path for reading in after},
        {(stem_of(reading.file.path), reading.version) for reading in after},
    )
    for reading in before:
        path = reading.file.path
        if path in paths or subject.repository.tree.read(path) is not None:
            continue
        if reading.incident is None and (stem_of(path), reading.version) in renamed:  # its file was renamed
            continue
        if reading.version in rollout.spec.versions:  # else versions-append-only reports it
            message = f"incident {reading.file.stem}, which quarantines {reading.version}, was deleted"
            yield Problem(("spec", "versions", reading.version), message, f"restore {path}", on_key=True)


def _changed(before: IncidentSpec, after: IncidentSpec) -> Iterator[Problem]:
    """Yield a problem for each fact that differs from the base."""
    for name in _FACTS:
        if getattr(before, name) != getattr(after, name):
            field = str(type(after).model_fields[name].alias)
            message = f"this changes `{field}` of a merged incident"
            severity: Severity = "error" if name in _QUARANTINE else "warning"
            yield Problem(("spec", field), message, "restore the merged value", severity)
    merged = [(name, value) for name, value in before.evidence or () if value is not None]
    changed = [name for name, value in merged if after.evidence is None or getattr(after.evidence, name) != value]
    if changed:
        message = f"this changes the evidence of a merged incident: {', '.join(f'`{name}`' for name in changed)}"
        yield Problem(("spec", "evidence"), message, "restore it, and only add to it", "warning", on_key=True)


def _cleared_bad(before: IncidentSpec, after: IncidentSpec) -> Iterator[Problem]:
    then, now = ((spec.status, spec.verdict) for spec in (before, after))
    if then == ("resolved", "bad") and now == ("resolved", "cleared"):
        message = f"`verdict` changes from `bad` to `cleared`: the verdict on {before.failed_version} is final"
        hint = "write `status: open` and merge that; then resolve it as `cleared` in another change"
        yield Problem(("spec", "verdict"), message, hint)


def _cleared_at_once(subject: Subject) -> Iterator[Problem]:
    """Yield a problem if a new incident clears the version that the same change takes back."""
    assert subject.base is not None
    spec = subject.model.spec
    if spec.status != "resolved" or spec.verdict != "cleared":
        return
    then, now = (repository.rollout(spec.rollout) for repository in (subject.base, subject.repository))
    if then is None or then.model is None or now is None or now.model is None:
        return
    before, after = then.model.spec.live, now.model.spec.live
    was_live = spec.failed_version in (before.stable, before.candidate)
    if was_live and spec.failed_version not in (after.stable, after.candidate):
        message = f"`verdict: cleared` in the change that takes {spec.failed_version} back"
        hint = "merge the incident with `status: open` first; `rollout-spec incident resolve` resolves it later"
        yield Problem(("spec", "status"), message, hint)
