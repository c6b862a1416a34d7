"""Incidents as plain data for JSON."""

from __future__ import annotations

from typing import Any

from rollout_spec.core.units import format_time
from rollout_spec.domain.incident_records import IncidentDetail, IncidentRecord, WorkspaceIncidents
from rollout_spec.domain.incident_resolution import VERDICTS, missing_keys, resolve_command
from rollout_spec.spec.incident import IncidentSpec

VERSION = 1


def incidents_json(incidents: WorkspaceIncidents) -> dict[str, Any]:
    """Return the incidents of a list. docs/incidents.md describes the fields."""
    return {**_head(incidents), "incidents": [_summary(each) for each in incidents.records]}


def incident_json(incidents: WorkspaceIncidents, detail: IncidentDetail) -> dict[str, Any]:
    """Return one incident. docs/incidents.md describes the fields."""
    return {**_head(incidents), "incident": {**_summary(detail.record), **_detail(detail)}}


def _head(incidents: WorkspaceIncidents) -> dict[str, Any]:
    return {
        "version": VERSION,
        "workspace": incidents.workspace,
        "branch": incidents.branch,
        "commit": incidents.commit,
        "remoteNotAsked": incidents.not_asked,
    }


def _summary(record: IncidentRecord) -> dict[str, Any]:
    spec, metadata = record.spec, record.incident.metadata if record.incident is not None else None
    return {
        "name": record.name,
        "path": record.path or None,
        "state": record.state,
        "rollout": record.rollout,
        "versions": list(record.versions),
        "trigger": spec.trigger if spec is not None else None,
        "observedAt": format_time(spec.observed_at) if spec is not None else None,
        "owner": metadata.owner if metadata is not None else None,
        "problem": record.problem,
        "unmergedBranch": record.branch,
        "note": record.note,
    }


def _detail(detail: IncidentDetail) -> dict[str, Any]:
    spec = detail.record.spec
    common = {
        "quarantine": detail.quarantine,
        "resolvingBranches": list(detail.resolving),
        "findings": list(detail.findings),
    }
    if spec is None:
        return common
    evidence, reproduced = spec.evidence, spec.reproduced
    return {
        "failedVersion": spec.failed_version,
        "restoredVersion": spec.restored_version,
        "source": spec.source,
        "stage": spec.stage,
        "reverts": list(spec.reverts),
        "evidence": {
            "summary": evidence.summary,
            "value": float(evidence.value) if evidence.value is not None else None,
            "url": evidence.url,
            "replay": evidence.replay,
        }
        if evidence is not None
        else None,
        "verdict": spec.verdict,
        "reproduced": {"environment": reproduced.environment, "link": reproduced.link} if reproduced else None,
        "notReproduced": spec.not_reproduced,
        "rootCause": spec.root_cause,
        "resolution": spec.resolution,
        **common,
        **_next(detail, spec),
    }


def _next(detail: IncidentDetail, spec: IncidentSpec) -> dict[str, Any]:
    """Return the missing keys and the command for each verdict that the incident may get now."""
    if detail.record.state != "open":
        return {"missing": [], "commands": {}}
    verdicts = [verdict for verdict in VERDICTS if verdict == "cleared" or not detail.is_stable]
    commands = {verdict: " ".join(resolve_command(detail.record.name, spec, verdict)) for verdict in verdicts}
    return {"missing": ["verdict", *missing_keys(spec, "cleared")], "commands": commands}
