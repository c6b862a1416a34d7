"""A failed version is neither candidate nor stable until its incident is cleared.

A rollback opens an incident, which quarantines the version and every record of the same bytes. The quarantine ends when
a person has found another cause. Without it the next automatic update would repeat the change that was just undone.

A version that is quarantined in a workspace of ``incidentsFrom`` is quarantined here too. A rollback there does not
know which versions are live here, and must not wait for this workspace. So with a base it is only a warning that such a
version is served here; to make it candidate or stable, or to advance it, is an error.

An incident that does not load quarantines the version in its name until it is repaired: a typo clears nothing. If its
content contradicts its name, both versions are quarantined.

Fails::

    # incidents/fraud-42.yaml
    apiVersion: rollout-spec/v1
    kind: Incident
    metadata: {name: fraud-42}
    spec:
      rollout: fraud
      failedVersion: "42"
      restoredVersion: "41"
      source: alertmanager
      observedAt: 2026-11-20T10:15:00Z
      status: open
    # rollouts/fraud.yaml
    spec:
      live: {candidate: "42", stage: canary-5}

Passes::

    # incidents/fraud-42.yaml
    apiVersion: rollout-spec/v1
    kind: Incident
    metadata: {name: fraud-42}
    spec:
      rollout: fraud
      failedVersion: "42"
      restoredVersion: "41"
      source: alertmanager
      observedAt: 2026-11-20T10:15:00Z
      status: resolved
      verdict: cleared
      reproduced: {environment: staging, link: https://example.com/runs/7}
      rootCause: A network policy, not the model.
      resolution: The policy was reverted.
    # rollouts/fraud.yaml
    spec:
      live: {candidate: "42", stage: canary-5}
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rollout_spec.checks.rules.base import Subject
from rollout_spec.core.findings import Problem, Severity
from rollout_spec.domain.quarantine import Quarantine, quarantined, unknown_quarantines
from rollout_spec.domain.traffic import has_progressed
from rollout_spec.workspace.incident_sources import unknown_sources

if TYPE_CHECKING:
    from rollout_spec.spec.incident import IncidentSpec

KINDS = frozenset({"ModelRollout"})
NEEDS = ""
UNCONDITIONAL = True


def check(subject: Subject) -> Iterator[Problem]:
    """Check that stable and the candidate are not quarantined."""
    yield from _unknown_elsewhere(subject)
    rollout = subject.model
    quarantines = quarantined(rollout, subject.repository)
    for field, version in (("stable", rollout.spec.live.stable), ("candidate", rollout.spec.live.candidate)):
        quarantine = quarantines.get(version) if version is not None else None
        if quarantine is None:
            continue
        incident, is_own = quarantine.incident, quarantine.workspace is None
        if is_own and field == "stable" and incident is not None and _restored_none(incident, version):
            continue  # there was no rollback target: it is served until it is replaced
        severity: Severity = "error" if is_own or _is_by_this_change(subject, field) else "warning"
        yield Problem(("spec", "live", field), _message(str(version), quarantine), _hint(quarantine), severity)


def _unknown_elsewhere(subject: Subject) -> Iterator[Problem]:
    """Yield a problem if a file that does not load may quarantine the candidate elsewhere."""
    if subject.model.spec.live.candidate is None or unknown_sources(subject.repository):
        return  # references-exist reports it, at the workspace's file
    for why in unknown_quarantines(subject.model, subject.repository):
        severity: Severity = "error" if _is_by_this_change(subject, "candidate") else "warning"
        message = f"cannot tell whether {subject.model.spec.live.candidate} is quarantined elsewhere: {why}"
        yield Problem(("spec", "live", "candidate"), message, "repair that file first", severity)


def _restored_none(incident: IncidentSpec, version: str | None) -> bool:
    """Return whether the incident is of this version and restored none."""
    return incident.restored_version is None and incident.failed_version == version


def _message(version: str, quarantine: Quarantine) -> str:
    incident, same = quarantine.incident, quarantine.same_bytes(version)
    is_bad = incident is not None and incident.verdict == "bad" and incident.status == "resolved"
    state = "was found bad" if is_bad else "is quarantined"
    return f"{version}{', ' + same + ',' if same else ''} {state} by {quarantine.description}"


def _hint(quarantine: Quarantine) -> str:
    where = "" if quarantine.workspace is None else f" in {quarantine.workspace}"
    if quarantine.incident is None:
        return f"repair {quarantine.file.path}{where}, or choose another version"
    if quarantine.incident.verdict == "bad" and quarantine.incident.status == "resolved":
        return "choose another version: the verdict `bad` is final"
    how = "" if where else f": `rollout-spec incident show {quarantine.file.stem}` shows how"
    return f"choose another version, or resolve the incident{where} with `verdict: cleared`{how}"


def _is_by_this_change(subject: Subject, field: str) -> bool:
    """Return whether this change gives the version its role, or advances it; True without a base."""
    before, after = subject.before, subject.model
    if before is None:
        return True
    return (
        before.spec.live.stable != after.spec.live.stable
        if field == "stable"
        else has_progressed(before.spec, after.spec)
    )
