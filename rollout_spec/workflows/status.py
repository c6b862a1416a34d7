"""The status of the rollouts of a workspace, on the base."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from rollout_spec.core.errors import UserError
from rollout_spec.core.parallel import spread
from rollout_spec.domain import traffic
from rollout_spec.domain.history import Step
from rollout_spec.domain.incidents import readings
from rollout_spec.domain.rollback_targets import obstacles, rollback_targets
from rollout_spec.domain.rollout_status import IncidentStatus, OpenBranch, RolloutStatus, StageHold, WorkspaceStatus
from rollout_spec.workflows.locate import WorkspaceLocation
from rollout_spec.workflows.present_base import PresentBase, present_base
from rollout_spec.workflows.unpushed import unknown_rollout, unpushed_rollouts
from rollout_spec.workspace.repository import Repository

if TYPE_CHECKING:
    from rollout_spec.spec.rollout import ModelRollout
    from rollout_spec.workflows.base_branch import Base
    from rollout_spec.workflows.merge_times import MergedAt

OUTSIDE_GIT = "this workspace is not in a git repository"


@dataclass(frozen=True)
class StatusOptions:
    """The questions of a status.

    ``is_offline`` asks no remote, ``asks_forge`` asks the forge for pull requests.
    """

    is_offline: bool = False
    asks_forge: bool = False


@dataclass
class _Open:
    """The open branches and their incidents, by rollout. ``not_asked`` says why they are unknown."""

    branches: dict[str, list[OpenBranch]] = field(default_factory=dict)
    incidents: dict[str, list[IncidentStatus]] = field(default_factory=dict)
    not_asked: str | None = None


def status_of(
    names: Sequence[str], here: WorkspaceLocation, options: StatusOptions, tell: Callable[[str], None]
) -> WorkspaceStatus:
    """Return the status of some rollouts, all if no names are given."""
    present = present_base(here, here.git_root, is_offline=options.is_offline) if here.git_root is not None else None
    repository = present.base.repository if present is not None else here.repository()
    _require_known(names, repository, here, present)
    chosen = list(dict.fromkeys(names)) or repository.names("rollouts")
    opened = _opened(present, chosen, options, tell) if present is not None else _Open(not_asked=OUTSIDE_GIT)
    rollouts = list(spread(lambda name: _status(name, repository, opened), chosen))
    base = present.base if present is not None else None
    merged_at = _merge_times(base, tell) if options.asks_forge and base is not None else None
    rollouts = _with_holds(rollouts, base, merged_at)
    return WorkspaceStatus(
        repository.workspace_name,
        tuple(rollouts),
        base.branch if base is not None else None,
        base.commit if base is not None else None,
        opened.not_asked,
        tuple(unpushed_rollouts(here, base)) if base is not None and not names else (),
    )


def _require_known(
    names: Sequence[str], repository: Repository, here: WorkspaceLocation, present: PresentBase | None
) -> None:
    """Raise UserError if a rollout is not on the base, or outside git not in the working tree."""
    if present is None:
        repository.refuse_unknown(names)
        return
    known = set(repository.names("rollouts"))
    for name in names:
        if name not in known:
            raise unknown_rollout(name, here, present.base)


def _opened(present: PresentBase, names: Sequence[str], options: StatusOptions, tell: Callable[[str], None]) -> _Open:
    """Ask the remote, and the forge if wanted. A silent remote is no error."""
    from rollout_spec.workflows.base_branch import forge_of
    from rollout_spec.workflows.open_branches import incidents_on, open_branches, with_pull_requests

    base = present.base
    if present.not_asked is not None:
        return _Open(not_asked=present.not_asked)
    try:
        branches = open_branches(base)
        incidents = incidents_on(base, branches)
    except UserError as error:
        return _Open(not_asked=error.message)
    settings = base.repository.settings
    if options.asks_forge:
        forge = forge_of(base, settings.forge if settings is not None else None)
        branches = with_pull_requests(branches, set(names), forge, base.branch, tell)
    return _Open(branches, incidents)


def _status(name: str, repository: Repository, opened: _Open) -> RolloutStatus:
    """Return the status of a rollout. The beginning of its hold is missing."""
    file = repository.rollout(name)
    branches, on_branches = tuple(opened.branches.get(name, ())), tuple(opened.incidents.get(name, ()))
    if file is None or file.model is None:
        problem = f"rollouts/{name}.yaml does not load"
        return RolloutStatus(name, problem, branches=branches, incidents=on_branches)
    rollout = file.model
    stage = traffic.stage_of(rollout.spec)
    in_stage = rollout.spec.live.candidate is not None and stage is not None and stage.hold is not None
    return RolloutStatus(
        name,
        live=rollout.spec.live,
        split=traffic.split(rollout.spec),
        hold=StageHold(stage.hold) if in_stage and stage is not None and stage.hold is not None else None,
        targets=tuple(rollback_targets(rollout, repository)),
        obstacles=obstacles(rollout, repository),
        incidents=(*_merged_incidents(rollout, repository), *on_branches),
        branches=branches,
        drilled=rollout.spec.rollback.drilled,
    )


def _merged_incidents(rollout: ModelRollout, repository: Repository) -> list[IncidentStatus]:
    """Return the open incidents of a rollout, those that do not load too."""
    found: dict[str, IncidentStatus] = {}
    for reading in readings(rollout, repository):
        if reading.incident is None:
            problem = "the file does not load" if reading.file.model is None else "the file contradicts its name"
            found.setdefault(reading.file.path, IncidentStatus(reading.file.stem, reading.version, problem=problem))
        elif reading.incident.status == "open":
            status = IncidentStatus(reading.file.stem, reading.version, reading.incident.trigger)
            found.setdefault(reading.file.path, status)
    return list(found.values())


def _merge_times(base: Base, tell: Callable[[str], None]) -> MergedAt | None:
    """Return a function that asks the forge when a commit was merged, None without one."""
    from rollout_spec.workflows.merge_times import merge_times

    settings = base.repository.settings
    return merge_times(base, settings.forge if settings is not None else None, tell)


def _with_holds(rollouts: list[RolloutStatus], base: Base | None, merged_at: MergedAt | None) -> list[RolloutStatus]:
    """Return the rollouts with the beginning of each hold."""
    wanted = {each.name: each.live for each in rollouts if each.hold is not None and each.live is not None}
    if base is None:
        return [replace(each, hold=replace(each.hold, reason=OUTSIDE_GIT)) if each.hold else each for each in rollouts]
    from rollout_spec.workflows.stage_entries import stage_entries

    entries = stage_entries(base, wanted)
    return [
        replace(each, hold=_begun(each.hold, entries[each.name], merged_at)) if each.hold is not None else each
        for each in rollouts
    ]


def _begun(hold: StageHold, entered: Step | str, merged_at: MergedAt | None) -> StageHold:
    if isinstance(entered, str):
        return replace(hold, reason=entered)
    merged = merged_at(entered.commit) if merged_at is not None else None
    return replace(hold, since=merged or entered.date, commit=entered.commit, by_forge=merged is not None)
