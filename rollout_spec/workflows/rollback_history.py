"""Past and open rollbacks, pauses and open steps, all read from git, so that all replicas agree."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from rollout_spec.core.errors import UserError
from rollout_spec.integrations.forges import Forge
from rollout_spec.rollback import PastRollback, may_auto_merge, watches
from rollout_spec.rollback.pause import LINKED, Pause, read_pause
from rollout_spec.spec.incident import Incident
from rollout_spec.spec.kinds import PAUSE_FILE
from rollout_spec.workflows.base_branch import Base
from rollout_spec.workflows.open_incidents import INCIDENTS, KINDS, OpenIncident
from rollout_spec.workspace.repository import Repository

_MOST_ASKED = 20
_MOST_MERGED = 500
"""The number of newest incidents whose merge time is looked up."""
_STEPS = ("propose", "advance", "promote")


def branches_of(base: Base) -> dict[str, str]:
    """Return the remote branches of rollbacks, incidents and this workspace's steps, with their commits."""
    if base.remote is None:
        return {}
    workspace = base.repository.workspace_name
    return base.remote.branches(*(f"{kind}*" for kind in KINDS), *(f"{step}/{workspace}/*" for step in _STEPS))


def past_rollbacks(base: Base, opened: tuple[OpenIncident, ...], rollout: str) -> tuple[PastRollback, ...]:
    """Return the newest merged rollbacks, all of this rollout, and the open ones."""
    repository = base.repository
    return (*_merged(base, repository, rollout), *_open(opened, repository))


def _merged(base: Base, repository: Repository, rollout: str) -> Iterator[PastRollback]:
    folder = base.path(INCIDENTS)
    merge_times = {
        path.removeprefix(f"{folder}/"): moment for path, moment in base.git.added(base.commit, folder, _MOST_MERGED)
    }
    files = {name: moment for name, moment in merge_times.items() if name.endswith(".yaml") and "/" not in name}
    names = {name.removesuffix(".yaml"): moment for name, moment in files.items()}
    own = {file.stem: None for file in repository.incidents_of(rollout)}
    for name, moment in {**own, **names}.items():
        file = repository.incident(name)
        if file and file.model:
            yield _past_rollback(name, file.model, repository, moment or file.model.spec.observed_at)


def _open(opened: tuple[OpenIncident, ...], repository: Repository) -> Iterator[PastRollback]:
    """Yield the open or refused rollbacks: their incidents are not on the base."""
    for each in opened:
        if each.incident is not None and each.branch.startswith("rollback"):
            yield replace(_past_rollback(each.name, each.incident, repository, None), branch=each.branch)


def closed_by_a_person(base: Base, forge: Forge | None) -> Callable[[str], bool]:
    """Return a function that returns whether a person closed the pull request of a branch.

    False if the forge does not know it or does not answer. After an error the forge is not asked again.
    """
    asked: dict[str, bool] = {}
    silent = forge is None

    def was_closed(branch: str) -> bool:
        nonlocal silent
        if forge is None or branch in asked or silent or len(asked) >= _MOST_ASKED:
            return asked.get(branch, False)
        try:
            pull = forge.find(branch, base.branch)
        except UserError:
            silent = True
            return False
        asked[branch] = pull is not None and pull.state == "closed"
        return asked[branch]

    return was_closed


def _past_rollback(name: str, incident: Incident, repository: Repository, merged_at: datetime | None) -> PastRollback:
    spec = incident.spec
    file = repository.rollout(spec.rollout)
    return PastRollback(
        incident=name,
        rollout=spec.rollout,
        failed=spec.failed_version,
        restored=spec.restored_version,
        stage=spec.stage,
        observed_at=spec.observed_at,
        merged_at=merged_at,
        may_auto_merge=bool(file and file.model and may_auto_merge(file.model, spec.trigger)),
        has_hard_trigger=bool(file and file.model and watches(file.model, spec.trigger, spec.stage)),
    )


def pauses(base: Base) -> tuple[Pause, ...]:
    """Return the pauses of the automation: of the workspace and of the whole git repository."""
    paths = dict.fromkeys((base.path(PAUSE_FILE), PAUSE_FILE))
    return tuple(each for path in paths if (each := _pause(base, path)) is not None)


def _pause(base: Base, path: str) -> Pause | None:
    """Return the pause at a path, None if absent. An unreadable link or folder there pauses too."""
    if base.git.link(base.commit, path) is not None:
        return Pause(path, LINKED, None)
    if PAUSE_FILE not in base.git.names(base.commit, path.rpartition("/")[0]):
        return None
    return read_pause(path, base.git.read(base.commit, path) or b"")


def open_step_branches(base: Base, branches: Mapping[str, str], rollout: str) -> tuple[str, ...]:
    """Return the branches of open lifecycle steps that move traffic to a version of a rollout."""
    workspace = re.escape(base.repository.workspace_name)
    wanted = re.compile(rf"({'|'.join(_STEPS)})/{workspace}/{re.escape(rollout)}/[a-z0-9-]+")
    return tuple(sorted(name for name in branches if wanted.fullmatch(name)))
