"""The incidents of a workspace on the base, on branches of the remote, and in the checkout."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from rollout_spec.core.errors import UserError
from rollout_spec.core.text import did_you_mean, excerpt
from rollout_spec.domain.incident_records import (
    ENDED,
    IncidentDetail,
    IncidentRecord,
    WorkspaceIncidents,
    in_order,
    merged_records,
    quarantine_of,
    record_of,
)
from rollout_spec.domain.incidents import all_paths, file_at
from rollout_spec.lifecycle.incident_resolution import STEP, unknown_hint
from rollout_spec.workflows.locate import WorkspaceLocation
from rollout_spec.workspace.repository import Repository

if TYPE_CHECKING:
    from rollout_spec.domain.rollout_status import OpenBranch
    from rollout_spec.workflows.present_base import PresentBase

OUTSIDE_GIT = "this workspace is not in a git repository"
_MOST_FINDINGS = 10


@dataclass(frozen=True)
class _Source:
    """The repository that is shown, and all that is unmerged. ``base`` is None outside git."""

    repository: Repository
    base: PresentBase | None = None
    unmerged: tuple[IncidentRecord, ...] = ()
    branches: tuple[OpenBranch, ...] = ()
    not_asked: str | None = OUTSIDE_GIT
    prefix: str = field(default="")


def incidents_of(rollouts: Sequence[str], here: WorkspaceLocation, *, is_offline: bool) -> WorkspaceIncidents:
    """Return the incidents of some rollouts, all if no names are given; those that need a person first.

    An unreadable one stays unless it is about another rollout. UserError if a rollout is unknown.
    """
    source = _source(here, is_offline)
    known = source.repository.names("rollouts")
    for name in rollouts:
        if name not in known:
            raise UserError(f"there is no rollout `{excerpt(name)}` here", hint=did_you_mean(name, known))
    incidents = _incidents(source, here)
    if not rollouts:
        return incidents
    kept = tuple(each for each in incidents.records if each.rollout is None or each.rollout in rollouts)
    return replace(incidents, records=kept)


def incident_of(name: str, here: WorkspaceLocation, *, is_offline: bool) -> tuple[WorkspaceIncidents, IncidentDetail]:
    """Return one incident. UserError if it is unknown."""
    source = _source(here, is_offline)
    incidents = _incidents(source, here)
    records = [each for each in incidents.records if each.name == name]
    if not records:
        known = [each.name for each in incidents.records]
        raise UserError(f"there is no incident `{excerpt(name)}` here", hint=unknown_hint(name, known))
    record = records[0]
    shown = replace(incidents, records=(record,))
    others = [each.name for each in incidents.records if each.name != name]
    return shown, _detail(record, source, others, here)


def _source(here: WorkspaceLocation, is_offline: bool) -> _Source:
    if here.git_root is None:
        return _Source(here.repository())
    from rollout_spec.workflows.open_branches import open_branches, unmerged_incidents
    from rollout_spec.workflows.present_base import present_base

    present = present_base(here, here.git_root, is_offline=is_offline)
    base, repository = present.base, present.base.repository
    source = _Source(repository, present, not_asked=present.not_asked, prefix=here.prefix)
    if present.not_asked is not None:
        return source
    try:
        branches = open_branches(base)
        unmerged = unmerged_incidents(base, branches)
    except UserError as error:
        return replace(source, not_asked=error.message)
    records = []
    rollouts = {each.name: each.rollout for group in branches.values() for each in group}
    for each in unmerged:
        if each.unread is not None:
            name, problem = f"on {each.branch}", f"the branch {each.unread}"
            record = IncidentRecord(name, "", "unreadable", rollouts[each.branch], (), problem=problem)
        else:
            after = repository.edited({each.path: each.content})
            file = after.incident(each.name)
            assert file is not None
            record = record_of(file, after, unmerged=True)
        records.append(replace(record, branch=each.branch))
    resolving = tuple(each for group in branches.values() for each in group if each.kind == STEP)
    return replace(source, unmerged=tuple(records), branches=resolving)


def _incidents(source: _Source, here: WorkspaceLocation) -> WorkspaceIncidents:
    present = source.base.base if source.base is not None else None
    records = [*merged_records(source.repository), *source.unmerged]
    if present is not None:
        records = list(_with_checkout(records, source.repository, here))
    return WorkspaceIncidents(
        source.repository.workspace_name,
        in_order(records),
        present.branch if present is not None else None,
        present.commit if present is not None else None,
        source.not_asked,
    )


def _with_checkout(
    records: list[IncidentRecord], base: Repository, here: WorkspaceLocation
) -> Iterator[IncidentRecord]:
    """Yield records with the state of the checkout if it differs, and the incidents in it alone."""
    from rollout_spec.workflows.newest import bare_root

    if here.git_root is None or bare_root(here.git_root) is not None:
        yield from records
        return
    local = here.repository()
    for record in records:
        own = local.tree.read(record.path) if record.branch is None and record.state not in ENDED else None
        if own is None or own == base.tree.read(record.path):
            yield record
        else:
            found = record_of(file_at(record.path, local), local)
            yield replace(record, note=_note(found), awaits_merge=found.state in ENDED)
    known = {record.path for record in records}
    for path in sorted(set(all_paths(local)) - known):
        found = record_of(file_at(path, local), local, unmerged=True)
        yield replace(found, note="only in this checkout, and not merged")


def _note(own: IncidentRecord) -> str:
    if own.problem is not None:
        return f"edited in this checkout, and {own.problem}"
    return (
        f"resolved as {own.state} in this checkout, and not merged" if own.state in ENDED else "edited in this checkout"
    )


def _detail(
    record: IncidentRecord, source: _Source, others: Collection[str], here: WorkspaceLocation
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


def _findings(record: IncidentRecord, source: _Source, here: WorkspaceLocation) -> tuple[str, ...]:
    """Return the errors of a file that cannot be read, each in one line with its place."""
    if record.branch is not None:
        return ()
    from rollout_spec.checks.runner import check

    is_local = source.repository.tree.read(record.path) is None
    repository = here.repository() if is_local else source.repository
    report = check(repository, paths=[record.path], prefix=source.prefix)
    errors = [each for each in report.findings if each.severity == "error"]
    return tuple(f"{each.file}:{each.line}:{each.column}: {each.message}" for each in errors[:_MOST_FINDINGS])
