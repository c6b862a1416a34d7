"""One incident with its quarantine, the branches that resolve it, and the errors of its file."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from rollout_spec.core.errors import UserError
from rollout_spec.core.text import excerpt
from rollout_spec.domain.incident_records import IncidentDetail, IncidentRecord, WorkspaceIncidents, quarantine_of
from rollout_spec.lifecycle.incident_resolution import unknown_hint
from rollout_spec.workflows.incidents import IncidentSource, all_incidents, incident_source
from rollout_spec.workflows.locate import WorkspaceLocation

_MOST_FINDINGS = 10


def incident_of(name: str, here: WorkspaceLocation, *, is_offline: bool) -> tuple[WorkspaceIncidents, IncidentDetail]:
    """Return one incident. UserError if it is unknown."""
    source = incident_source(here, is_offline)
    incidents = all_incidents(source, here)
    records = [each for each in incidents.records if each.name == name]
    if not records:
        known = [each.name for each in incidents.records]
        raise UserError(f"there is no incident `{excerpt(name)}` here", hint=unknown_hint(name, known))
    record = records[0]
    shown = replace(incidents, records=(record,))
    others = [each.name for each in incidents.records if each.name != name]
    return shown, _detail(record, source, others, here)


def _detail(
    record: IncidentRecord, source: IncidentSource, others: Collection[str], here: WorkspaceLocation
) -> IncidentDetail:
    spec, repository = record.spec, source.repository
    resolving = tuple(each.name for each in source.branches if _resolves(each.name, record.name, others))
    if spec is None:
        about = ", ".join(record.versions)
        verb = "is" if len(record.versions) == 1 else "are"
        quarantine = f"{about} {verb} quarantined until the file is repaired" if about else "unknown"
        return IncidentDetail(record, quarantine, resolving=resolving, findings=_findings(record, source, here))
    file = repository.rollout(spec.rollout)
    live = file.model.spec.live if file is not None and file.model is not None else None
    is_stable = live is not None and live.stable == spec.failed_version and spec.restored_version is None
    quarantine = quarantine_of(spec.rollout, spec.failed_version, repository)
    if record.state == "unmerged":
        already = "already for rollbacks, and for other changes " if record.branch is not None else ""
        quarantine = f"{spec.failed_version} is quarantined {already}once this is merged"
    return IncidentDetail(record, quarantine, is_stable, resolving)


def _resolves(branch: str, name: str, others: Collection[str]) -> bool:
    """Return whether a branch resolves an incident: its last part is the name, perhaps with a count."""
    last = branch.rpartition("/")[2]
    count = last.removeprefix(f"{name}-")
    return last == name or (last not in others and count != last and count.isdigit())


def _findings(record: IncidentRecord, source: IncidentSource, here: WorkspaceLocation) -> tuple[str, ...]:
    """Return the errors of a file that cannot be read, each in one line with its place."""
    if record.branch is not None:
        return ()
    from rollout_spec.checks.runner import check

    is_local = source.repository.tree.read(record.path) is None
    repository = here.repository() if is_local else source.repository
    report = check(repository, paths=[record.path], prefix=source.prefix)
    errors = [each for each in report.findings if each.severity == "error"]
    return tuple(f"{each.file}:{each.line}:{each.column}: {each.message}" for each in errors[:_MOST_FINDINGS])
