"""A version that failed does not come back until its incident is cleared.

A rollback opens an incident, and the incident quarantines the version: it, and every record of the same bytes, may be
neither candidate nor stable until somebody has found that it was something else. Without that the next automatic update
re-applies what was just undone.

What is quarantined in a workspace that ``incidentsFrom`` names is quarantined here too. A rollback there finds versions
live here that it knows nothing of, and must not wait for them: with a base it is a warning that such a version serves
here, and an error to make it candidate or stable, or to take it further.

An incident that does not load quarantines the version that its name says, until it is mended: a typo clears nothing.
If what it says contradicts its name, both versions are quarantined.

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
      resolution: The policy was taken back.
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
    """Look for an incident of stable and of the candidate."""
    yield from _unknown(subject)
    rollout = subject.model
    away = quarantined(rollout, subject.repository)
    for field, version in (("stable", rollout.spec.live.stable), ("candidate", rollout.spec.live.candidate)):
        found = away.get(version) if version is not None else None
        if found is None:
            continue
        incident, at_home = found.incident, found.workspace is None
        if at_home and field == "stable" and incident is not None and _is_left(incident, version):
            continue  # there was no way back: it serves until something replaces it
        severity: Severity = "error" if at_home or _brought(subject, field) else "warning"
        yield Problem(("spec", "live", field), _words(str(version), found), _hint(found), severity)


def _unknown(subject: Subject) -> Iterator[Problem]:
    """Point at a candidate of which it cannot be known whether it is quarantined elsewhere."""
    if subject.model.spec.live.candidate is None or unknown_sources(subject.repository):
        return  # references-exist says so, at the workspace's file
    for why in unknown_quarantines(subject.model, subject.repository):
        severity: Severity = "error" if _brought(subject, "candidate") else "warning"
        words = f"it cannot be known whether {subject.model.spec.live.candidate} is quarantined elsewhere: {why}"
        yield Problem(("spec", "live", "candidate"), words, "mend that file first", severity)


def _is_left(incident: IncidentSpec, version: str | None) -> bool:
    """Return whether the incident found no version to restore, and leaves this one as it is."""
    return incident.restored_version is None and incident.failed_version == version


def _words(version: str, found: Quarantine) -> str:
    incident = found.incident
    if incident is None:
        return f"{version} is quarantined by {found.description}"
    there = "" if found.workspace is None else " there"
    same = "" if incident.failed_version == version else f", the same bytes as {incident.failed_version}{there},"
    ended = "was found bad" if incident.verdict == "bad" and incident.status == "resolved" else "is quarantined"
    return f"{version}{same} {ended} by {found.description}"


def _hint(found: Quarantine) -> str:
    where = "" if found.workspace is None else f" in {found.workspace}"
    if found.incident is None:
        return f"mend {found.file.path}{where}, or choose another version"
    if found.incident.verdict == "bad" and found.incident.status == "resolved":
        return "choose another version: a verdict of bad is for good"
    return f"choose another version, or resolve {found.file.path}{where} as cleared"


def _brought(subject: Subject, field: str) -> bool:
    """Does this change make the version what it is, or give it more? Without a base nobody knows."""
    before, after = subject.before, subject.model
    if before is None:
        return True
    return (
        before.spec.live.stable != after.spec.live.stable
        if field == "stable"
        else has_progressed(before.spec, after.spec)
    )
