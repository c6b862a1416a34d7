"""What was rolled back before stands in git, merged or on a branch: any replica reads the same, and keeps no file."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from rollout_spec.core.errors import UserError
from rollout_spec.domain.quarantine import quarantined
from rollout_spec.integrations.forges import Forge
from rollout_spec.integrations.git.remote import NAME
from rollout_spec.rollback import OpenIncidents, PastRollback, may_auto_merge, watches
from rollout_spec.rollback.pause import LINKED, Pause, read_pause
from rollout_spec.spec.incident import Incident
from rollout_spec.spec.kinds import PAUSE_FILE
from rollout_spec.spec.rollout import ModelRollout
from rollout_spec.workflows.base_branch import Base
from rollout_spec.workflows.branch_heads import Heads
from rollout_spec.workflows.incident_limits import own_names, read_incident, within_limits
from rollout_spec.workflows.rebuild import incidents_in
from rollout_spec.workspace.incident_sources import incident_sources
from rollout_spec.workspace.repository import Repository

_MOST_BRANCHES = 2_000
_MOST_ASKED = 20
_MOST_MERGED = 500
"""So many incidents are looked at to see when they came onto the base, the newest first."""
_INCIDENTS = "incidents"
_KINDS = ("rollback", "incident")
_STEPS = ("propose", "advance", "promote")


@dataclass(frozen=True)
class OpenIncident:
    """An incident on a branch of a rollback, or of a failure that nothing could replace; it is not on the base.

    ``incident`` is None if its file does not load. ``path`` is from the workspace's folder. ``name_taken``: the base
    has an incident of another version by that name. ``unread`` says why none of the branch is read; then this stands
    for all of them.
    """

    branch: str
    head: str
    path: str
    content: bytes
    incident: Incident | None
    name_taken: bool = False
    unread: str | None = None

    @property
    def name(self) -> str:
        """The name that its file bears."""
        return self.path.rpartition("/")[2].removesuffix(".yaml")


def branches_of(base: Base) -> dict[str, str]:
    """Return the branches of this workspace on the remote, of rollbacks, incidents and steps, with their commits."""
    if base.remote is None:
        return {}
    workspace = base.repository.workspace_name
    return base.remote.branches(*(f"{kind}*" for kind in _KINDS), *(f"{step}/{workspace}/*" for step in _STEPS))


def past_rollbacks(base: Base, opened: tuple[OpenIncident, ...], rollout: str) -> tuple[PastRollback, ...]:
    """Return the rollbacks that count: the newest merged ones, those of this rollout at any time, and the open ones."""
    repository = base.repository
    return (*_merged(base, repository, rollout), *_open(opened, repository))


def _merged(base: Base, repository: Repository, rollout: str) -> Iterator[PastRollback]:
    folder = base.path(_INCIDENTS)
    landed = {
        path.removeprefix(f"{folder}/"): moment for path, moment in base.git.added(base.commit, folder, _MOST_MERGED)
    }
    files = {name: moment for name, moment in landed.items() if name.endswith(".yaml") and "/" not in name}
    names = {name.removesuffix(".yaml"): moment for name, moment in files.items()}
    own = {file.stem: None for file in repository.incidents_of(rollout)}
    for name, moment in {**own, **names}.items():
        file = repository.incident(name)
        if file and file.model:
            yield _precedent(name, file.model, repository, moment or file.model.spec.observed_at)


def _open(opened: tuple[OpenIncident, ...], repository: Repository) -> Iterator[PastRollback]:
    """Give the rollbacks that are open, or were refused: their incidents are not on the base."""
    for each in opened:
        if each.incident is not None and each.branch.startswith("rollback"):
            yield replace(_precedent(each.name, each.incident, repository, None), branch=each.branch)


def open_incidents(base: Base, branches: Mapping[str, str], rollout: str) -> tuple[OpenIncident, ...]:
    """Return the incidents of this workspace that are on a branch of a rollback or incident, and not on the base.

    The branches that name the rollout come first, if there are more than can be looked at.
    """
    folder, found = base.path(_INCIDENTS), list[OpenIncident]()
    known = set(base.git.names(base.commit, folder))
    ours = _branches_of_incidents(base, branches, rollout)
    there: dict[str, list[str]] = {}
    for branch in fetched(base, dict(list(ours.items())[:_MOST_BRANCHES])):
        names = [name for name in base.git.names(ours[branch], folder) if name.endswith(".yaml")]
        names = [name for name in names if not base.git.is_same(base.commit, ours[branch], f"{folder}/{name}")]
        there[branch] = own_names(base, ours[branch], names, folder)
    paths = {branch: (ours[branch], [f"{folder}/{name}" for name in names]) for branch, names in there.items()}
    for branch, why in within_limits(base, paths):
        if why is not None:
            found.append(OpenIncident(branch, ours[branch], "", b"", None, unread=why))
            continue
        for name in there[branch]:
            is_known = name in known
            each = _open_incident(base, branch, ours[branch], name)
            if each is not None and (not is_known or _names_another_version(base.repository, each)):
                found.append(replace(each, name_taken=is_known))
    places = {branch: place for place, branch in enumerate(there)}
    return tuple(sorted(found, key=lambda each: places[each.branch]))


def _open_incident(base: Base, branch: str, head: str, name: str) -> OpenIncident | None:
    """Read an incident on a branch; None if it is no file there, or if the base has a link instead."""
    path = f"{_INCIDENTS}/{name}"
    content = base.git.read(head, base.path(path))
    if content is None or base.repository.link(path) is not None:
        return None
    return OpenIncident(branch, head, path, content, read_incident(path, content))


def _names_another_version(repository: Repository, found: OpenIncident) -> bool:
    """Return whether an incident is about another version than the one that the base has by its name."""
    file = repository.incident(found.name)
    if found.incident is None or file is None or file.model is None:
        return False
    own, other = found.incident.spec, file.model.spec
    return (own.rollout, own.failed_version) != (other.rollout, other.failed_version)


def _branches_of_incidents(base: Base, branches: Mapping[str, str], rollout: str) -> dict[str, str]:
    """Return the branches of rollbacks and incidents of this workspace, those that name a rollout first.

    Git takes names that this tool never writes; those are nobody's rollback.
    """
    own = re.compile(rf"({'|'.join(_KINDS)})(\.\d+)?/.+")  # of any workspace: this one may have had another name
    ours = sorted(name for name in branches if own.fullmatch(name) and NAME.fullmatch(name))
    ours.sort(key=lambda name: rollout not in (part.partition(".")[0] for part in name.split("/")[2:3]))
    return {name: branches[name] for name in ours}


def quarantines_of(
    base: Base,
    opened: tuple[OpenIncident, ...],
    rollout: str,
    heads: Heads,
    was_closed: Callable[[str], bool],
    branches: Mapping[str, str],
) -> OpenIncidents:
    """Sort the open incidents that are about known-good versions of a rollout.

    Those of branches that this process would build quarantine as merged ones do; any other puts its version in doubt.
    So do branches that were too many to be looked at, and those of workspaces whose incidents count here. A branch
    whose pull request a person closed counts for nothing.
    """
    repository = base.repository
    file = repository.rollout(rollout)
    live = file.model.spec.live if file and file.model else None
    if file is None or file.model is None or live is None or not live.known_good:
        return OpenIncidents()
    before = quarantined(file.model, repository).keys()
    files: dict[str, bytes] = {}
    doubted: dict[str, str] = {}
    missed = len(_branches_of_incidents(base, branches, rollout)) - _MOST_BRANCHES
    if missed > 0:
        doubted = dict.fromkeys(live.known_good, f"{missed:,} branches that may have incidents were not looked at")
    for version, words in _open_elsewhere(base, file.model, branches, was_closed):
        doubted.setdefault(version, words)
    for each in opened:
        if each.unread is not None:
            if not was_closed(each.branch):
                doubted = {**dict.fromkeys(live.known_good, f"the branch {each.branch} {each.unread}"), **doubted}
            continue
        after = quarantined(file.model, repository.edited({each.path: each.content})).keys()
        barred = [version for version in live.known_good if version in after - before]
        if not barred or live.stable in after - before or was_closed(each.branch):
            continue
        if each.incident is not None and not each.name_taken and heads.is_ours(each.head):
            if each.path not in carried_by(base, each.head):  # the branch that it is of tells of it, if that is open
                files[each.path] = each.content
        else:
            why = "has an incident of it, and is not one that this tool would build"
            if each.name_taken:
                why = f"has an incident of it, {each.name}, and the base has that of another version by this name"
            words = f"the branch {each.branch} {why}"
            doubted |= dict.fromkeys(barred, words)
    return OpenIncidents(files, doubted)


def _open_elsewhere(
    base: Base, rollout: ModelRollout, branches: Mapping[str, str], was_closed: Callable[[str], bool]
) -> Iterator[tuple[str, str]]:
    """Give known-good versions that have an open incident in a workspace of ``incidentsFrom``, each with the reason.

    Their files belong to another workspace, so that a rollback here cannot bring them along.
    """
    name = rollout.metadata.name
    for source in incident_sources(base.repository):
        there = replace(base, prefix=source.tree.location.removeprefix("."))
        for each in open_incidents(there, branches, name):
            if each.unread is not None and not was_closed(each.branch):
                words = f"the branch {each.branch}, perhaps of {source.workspace_name}, {each.unread}"
                yield from ((version, words) for version in rollout.spec.live.known_good)
            spec = each.incident.spec if each.incident is not None else None
            if spec is None or spec.rollout != name or was_closed(each.branch):
                continue
            file = source.rollout(name)
            record = file.model.spec.versions.get(spec.failed_version) if file and file.model else None
            for version in rollout.spec.live.known_good:
                own = rollout.spec.versions.get(version)
                same = own is not None and record is not None and own.digest is not None and own.digest == record.digest
                if version == spec.failed_version or same:
                    yield version, f"the branch {each.branch} of {source.workspace_name} has an incident of it"


def carried_by(base: Base, head: str) -> Collection[str]:
    """Return the incidents that a head brings along, beside those of the breaches that it answers."""
    own = base.git.parted(base.commit, head)
    return incidents_in(replace(base, commit=own), head).carried if own is not None else ()


def closed_by_a_person(base: Base, forge: Forge | None) -> Callable[[str], bool]:
    """Return a function that tells of a branch whether a person closed its pull request.

    If the forge does not know, or does not answer, it counts as one that stands; after that it is asked no more.
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


def fetched(base: Base, branches: Mapping[str, str]) -> list[str]:
    """Fetch branches, and return those that are here now: one may be gone again since it was listed."""
    if base.remote is None or not branches:
        return []
    try:
        base.remote.fetch_branches(branches)
    except UserError:
        if len(branches) == 1:
            return []
        names = list(branches)
        halves = names[: len(names) // 2], names[len(names) // 2 :]
        return [name for half in halves for name in fetched(base, {each: branches[each] for each in half})]
    return [name for name, commit in branches.items() if base.git.has(commit)]  # it may have moved meanwhile


def _precedent(name: str, incident: Incident, repository: Repository, landed: datetime | None) -> PastRollback:
    spec = incident.spec
    file = repository.rollout(spec.rollout)
    return PastRollback(
        incident=name,
        rollout=spec.rollout,
        failed=spec.failed_version,
        restored=spec.restored_version,
        stage=spec.stage,
        observed_at=spec.observed_at,
        merged_at=landed,
        may_auto_merge=bool(file and file.model and may_auto_merge(file.model, spec.trigger)),
        has_hard_trigger=bool(file and file.model and watches(file.model, spec.trigger, spec.stage)),
    )


def pauses(base: Base) -> tuple[Pause, ...]:
    """Return the files that pause the automation: the workspace's own, and the one of the whole git repository."""
    paths = dict.fromkeys((base.path(PAUSE_FILE), PAUSE_FILE))
    return tuple(each for path in paths if (each := _pause(base, path)) is not None)


def _pause(base: Base, path: str) -> Pause | None:
    """Return the pause at a path, None if there is none. A link or a folder there cannot be read, and pauses too."""
    if base.git.link(base.commit, path) is not None:
        return Pause(path, LINKED, None)
    if PAUSE_FILE not in base.git.names(base.commit, path.rpartition("/")[0]):
        return None
    return read_pause(path, base.git.read(base.commit, path) or b"")


def steps_under_way(base: Base, branches: Mapping[str, str], rollout: str) -> tuple[str, ...]:
    """Return the branches of lifecycle steps that move traffic to a version of a rollout: they may still be merged."""
    workspace = re.escape(base.repository.workspace_name)
    wanted = re.compile(rf"({'|'.join(_STEPS)})/{workspace}/{re.escape(rollout)}/[a-z0-9-]+")
    return tuple(sorted(name for name in branches if wanted.fullmatch(name)))
