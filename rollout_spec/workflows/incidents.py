"""The incidents of a workspace on the base, on branches of the remote, and in the checkout."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rollout_spec.core.errors import UserError
from rollout_spec.domain.incident_files import all_paths, file_at
from rollout_spec.domain.incident_records import (
    ENDED,
    IncidentRecord,
    WorkspaceIncidents,
    in_order,
    merged_records,
    record_of,
)
from rollout_spec.lifecycle.incident_pull_request import STEP
from rollout_spec.workflows.locate import WorkspaceLocation
from rollout_spec.workspace.repository import Repository

if TYPE_CHECKING:
    from rollout_spec.domain.rollout_status import OpenBranch
    from rollout_spec.workflows.present_base import PresentBase

OUTSIDE_GIT = "this workspace is not in a git repository"


@dataclass(frozen=True)
class IncidentSource:
    """The repository that is shown, and all that is unmerged. ``base`` is None outside git."""

    repository: Repository
    base: PresentBase | None = None
    unmerged: tuple[IncidentRecord, ...] = ()
    branches: tuple[OpenBranch, ...] = ()
    not_asked: str | None = OUTSIDE_GIT
    prefix: str = ""


def incidents_of(rollouts: Sequence[str], here: WorkspaceLocation, *, is_offline: bool) -> WorkspaceIncidents:
    """Return the incidents of some rollouts, all if no names are given; those that need a person first.

    An unreadable one stays unless it is about another rollout. UserError if a rollout is unknown.
    """
    source = incident_source(here, is_offline)
    source.repository.refuse_unknown(rollouts)
    incidents = all_incidents(source, here)
    if not rollouts:
        return incidents
    kept = tuple(each for each in incidents.records if each.rollout is None or each.rollout in rollouts)
    return replace(incidents, records=kept)


def incident_source(here: WorkspaceLocation, is_offline: bool) -> IncidentSource:
    """Read the base, and ask the remote for unmerged incidents. A silent remote is no error."""
    if here.git_root is None:
        return IncidentSource(here.repository())
    from rollout_spec.workflows.open_branches import open_branches, unmerged_incidents
    from rollout_spec.workflows.present_base import present_base

    present = present_base(here, here.git_root, is_offline=is_offline)
    base, repository = present.base, present.base.repository
    source = IncidentSource(repository, present, not_asked=present.not_asked, prefix=here.prefix)
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


def all_incidents(source: IncidentSource, here: WorkspaceLocation) -> WorkspaceIncidents:
    """Return the incidents of a source, compared with the checkout."""
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
