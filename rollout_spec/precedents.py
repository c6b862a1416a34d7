"""What was rolled back before stands in git, merged or on a branch: any replica reads the same, and keeps no file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from rollout_spec.errors import UserError
from rollout_spec.forges import Forge
from rollout_spec.git.plumbing import GitError
from rollout_spec.landing import Base
from rollout_spec.repository import Repository, read_file
from rollout_spec.rollback import DAY, Precedent, may_merge_itself
from rollout_spec.rollback.pause import Pause, read_pause
from rollout_spec.spec.incident import Incident
from rollout_spec.spec.kinds import PAUSE_FILE
from rollout_spec.spec.workspace import Automation

_MOST_BRANCHES = 200
_MOST_ASKED = 20


def branches_of(base: Base) -> dict[str, str]:
    """Return the branches of this workspace on the remote, of rollbacks and of steps, with their commits."""
    if base.remote is None:
        return {}
    return base.remote.branches(f"*/{base.repository.workspace_name}/*")


def precedents(base: Base, branches: Mapping[str, str], rollout: str, now: datetime) -> tuple[Precedent, ...]:
    """Return the rollbacks that count: of the last days, those of this rollout at any time, and the open ones."""
    repository = base.repository
    automation = repository.settings.automation if repository.settings else Automation()
    merged = _merged(base, repository, rollout, now - _back(automation))
    return (*merged, *_open(base, branches, repository))


def _back(automation: Automation) -> timedelta:
    """How far back a rollback may count. One that is merged late may bear an older date, and would end the walk."""
    longest = max(DAY, automation.cooldown, automation.shared_cause.within)
    return min(longest + automation.max_breach_age, timedelta(days=3650))


def _merged(base: Base, repository: Repository, rollout: str, since: datetime) -> Iterator[Precedent]:
    folder = base.path("incidents")
    landed = {path.removeprefix(f"{folder}/"): moment for path, moment in base.git.added(base.commit, folder, since)}
    files = {name: moment for name, moment in landed.items() if name.endswith(".yaml") and "/" not in name}
    names = {name.removesuffix(".yaml"): moment for name, moment in files.items()}
    own = {file.stem: None for file in repository.incidents_of(rollout)}
    for name, moment in {**own, **names}.items():
        file = repository.incident(name)
        if file and file.model:
            yield _precedent(name, file.model, repository, moment or file.model.spec.observed_at)


def _open(base: Base, branches: Mapping[str, str], repository: Repository) -> Iterator[Precedent]:
    """Give the rollbacks whose branch is on the remote and whose incident is not on the base: open, or refused."""
    start = f"rollback/{repository.workspace_name}/"
    ours = sorted(name for name in branches if name.startswith(start))
    incidents = {branch: branch.removeprefix(start).replace("/", "-", 1) for branch in ours}
    fresh = [branch for branch in ours if repository.incident(incidents[branch]) is None][:_MOST_BRANCHES]
    for branch in _fetched(base, {branch: branches[branch] for branch in fresh}):
        name = incidents[branch]
        path = base.path(f"incidents/{name}.yaml")
        content = base.git.read(branches[branch], path)
        model = read_file(path, "Incident", content).model if content is not None else None
        if model is not None and name.startswith(f"{model.spec.rollout}-"):
            yield replace(_precedent(name, model, repository, None), branch=branch)


def closed_by_a_person(base: Base, forge: Forge | None) -> Callable[[Precedent], bool]:
    """Return what tells of an open rollback whether a person closed its pull request.

    Where the forge does not know, or does not answer, it counts as one that stands; after that it is asked no more.
    """
    asked: dict[str, bool] = {}
    silent = forge is None

    def was_refused(precedent: Precedent) -> bool:
        nonlocal silent
        branch = precedent.branch
        if branch is None or forge is None or branch in asked or silent or len(asked) >= _MOST_ASKED:
            return asked.get(branch or "", False)
        try:
            pull = forge.find(branch, base.branch)
        except UserError:
            silent = True
            return False
        asked[branch] = pull is not None and pull.state == "closed"
        return asked[branch]

    return was_refused


def _fetched(base: Base, branches: Mapping[str, str]) -> list[str]:
    """Fetch branches, and return those that are here now: one may be gone again since it was listed."""
    if base.remote is None or not branches:
        return []
    try:
        base.remote.fetch_branches(branches)
    except GitError:
        return [name for name in branches if len(branches) > 1 and _fetched(base, {name: branches[name]})]
    return list(branches)


def _precedent(name: str, incident: Incident, repository: Repository, landed: datetime | None) -> Precedent:
    spec = incident.spec
    file = repository.rollout(spec.rollout)
    return Precedent(
        incident=name,
        rollout=spec.rollout,
        failed=spec.failed_version,
        restored=spec.restored_version,
        stage=spec.stage,
        observed=spec.observed_at,
        landed=landed,
        hard=bool(file and file.model and may_merge_itself(file.model, spec.trigger)),
    )


def pauses(base: Base) -> tuple[Pause, ...]:
    """Return the files that pause the automation: the workspace's own, and the one of the whole git repository."""
    paths = dict.fromkeys((base.path(PAUSE_FILE), PAUSE_FILE))
    found = ((path, base.git.read(base.commit, path)) for path in paths)
    return tuple(read_pause(path, content) for path, content in found if content is not None)


def steps_under_way(base: Base, branches: Mapping[str, str], rollout: str) -> tuple[str, ...]:
    """Return the branches of lifecycle steps that move traffic to a version of a rollout: they may still be merged."""
    workspace = re.escape(base.repository.workspace_name)
    wanted = re.compile(rf"(propose|advance|promote)/{workspace}/{re.escape(rollout)}/[a-z0-9-]+")
    return tuple(sorted(name for name in branches if wanted.fullmatch(name)))
