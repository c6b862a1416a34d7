"""Incidents on branches that are not on the base, and the versions that they quarantine."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from rollout_spec.core.errors import UserError
from rollout_spec.domain.quarantine import quarantined
from rollout_spec.integrations.git.remote import NAME
from rollout_spec.rollback import OpenIncidents
from rollout_spec.spec.incident import Incident
from rollout_spec.spec.rollout import ModelRollout
from rollout_spec.workflows.base_branch import Base
from rollout_spec.workflows.branch_heads import Heads
from rollout_spec.workflows.incident_limits import listed, read_incident, within_limits
from rollout_spec.workflows.rebuild import incidents_of_head
from rollout_spec.workspace.incident_sources import incident_sources
from rollout_spec.workspace.repository import Repository

_MOST_BRANCHES = 2_000
_MOST_SECONDS = 120.0
"""The time for branches to arrive: anybody may push one that takes hours."""
INCIDENTS = "incidents"
KINDS = ("rollback", "incident")


@dataclass(frozen=True)
class OpenIncident:
    """An incident on the branch of a rollback or of an incident; it is not on the base.

    ``incident`` is None if its file does not load. ``path`` is from the workspace's folder. ``name_taken``: the base
    has an incident of another version with that name. ``unread`` is the reason if the branch is not read: then this
    stands for all its incidents.
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
        """The name of its file without suffix."""
        return self.path.rpartition("/")[2].removesuffix(".yaml")


def open_incidents(base: Base, branches: Mapping[str, str], rollout: str) -> tuple[OpenIncident, ...]:
    """Return the incidents of this workspace that are on a branch and not on the base.

    The branches are those of rollbacks and incidents. The branches that name the rollout come first, if there are more
    than can be looked at.
    """
    folder, found = base.path(INCIDENTS), list[OpenIncident]()
    known = set(base.git.names(base.commit, folder))
    ours = _branches_of_incidents(base, branches, rollout)
    own: dict[str, list[str]] = {}
    looked_at = dict(list(ours.items())[:_MOST_BRANCHES])
    present = fetched(base, looked_at)
    for branch in _still_there(base, looked_at.keys() - present):
        found.append(OpenIncident(branch, ours[branch], "", b"", None, unread="cannot be fetched"))
    for branch, names, unknown in listed(base, {branch: ours[branch] for branch in present}, folder):
        if unknown is None:
            own[branch] = names
        else:
            found.append(OpenIncident(branch, ours[branch], "", b"", None, unread=unknown))
    paths = {branch: (ours[branch], [f"{folder}/{name}" for name in names]) for branch, names in own.items()}
    for branch, reason in within_limits(base, paths):
        if reason is not None:
            found.append(OpenIncident(branch, ours[branch], "", b"", None, unread=reason))
            continue
        for name in own[branch]:
            is_known = name in known
            each = _open_incident(base, branch, ours[branch], name)
            if each is not None and (not is_known or _names_another_version(base.repository, each)):
                found.append(replace(each, name_taken=is_known))
    order = {branch: position for position, branch in enumerate(ours)}
    return tuple(sorted(found, key=lambda each: order[each.branch]))


def _open_incident(base: Base, branch: str, head: str, name: str) -> OpenIncident | None:
    """Read an incident on a branch; None if it is not a file, or the base has a link at its path."""
    path = f"{INCIDENTS}/{name}"
    content = base.git.read(head, base.path(path))
    if content is None or base.repository.link(path) is not None:
        return None
    return OpenIncident(branch, head, path, content, read_incident(path, content))


def _names_another_version(repository: Repository, open_incident: OpenIncident) -> bool:
    """Return whether an incident is of another version than the base's incident with its name."""
    file = repository.incident(open_incident.name)
    if open_incident.incident is None or file is None or file.model is None:
        return False
    own, other = open_incident.incident.spec, file.model.spec
    return (own.rollout, own.failed_version) != (other.rollout, other.failed_version)


def _branches_of_incidents(base: Base, branches: Mapping[str, str], rollout: str) -> dict[str, str]:
    """Return the branches of rollbacks and incidents of this workspace, those that name a rollout first.

    Git allows names that this tool never writes; those are ignored.
    """
    own = re.compile(rf"({'|'.join(KINDS)})(\.\d+)?/.+")  # of any workspace: this one may have had another name
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
    """Sort the open incidents of known-good versions of a rollout.

    Those on branches that this process would build quarantine like merged ones; any other puts its version in doubt. So
    do branches beyond the limit, and branches of workspaces whose incidents count here. A branch whose pull request a
    person closed is ignored.
    """
    repository = base.repository
    file = repository.rollout(rollout)
    live = file.model.spec.live if file and file.model else None
    if file is None or file.model is None or live is None or not live.known_good:
        return OpenIncidents()
    before = quarantined(file.model, repository).keys()
    files: dict[str, bytes] = {}
    doubted: dict[str, str] = {}
    if (missed := not_looked_at(base, branches, rollout)) is not None:
        doubted = dict.fromkeys(live.known_good, missed)
    for version, words in open_elsewhere(base, file.model, live.known_good, branches, was_closed):
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
        is_known = each.incident is not None and not each.name_taken and not heads.is_late
        if is_known and heads.is_ours(each.head):
            if each.path not in carried_by(base, each.head):  # its own branch reports it, if that is open
                files[each.path] = each.content
        else:
            why = "has an incident of it, and is not one that this tool would build"
            if heads.is_late:
                why = "has an incident of it, and was not examined: others took too long"
            if each.name_taken:
                why = f"has an incident of it, {each.name}, and the base has that of another version by this name"
            words = f"the branch {each.branch} {why}"
            doubted |= dict.fromkeys(barred, words)
    return OpenIncidents(files, doubted)


def not_looked_at(base: Base, branches: Mapping[str, str], rollout: str) -> str | None:
    """Return how many branches are beyond the limit, as a reason; None if all are looked at."""
    missed = len(_branches_of_incidents(base, branches, rollout)) - _MOST_BRANCHES
    return f"{missed:,} branches that may have incidents were not looked at" if missed > 0 else None


def open_elsewhere(
    base: Base,
    rollout: ModelRollout,
    versions: Collection[str],
    branches: Mapping[str, str],
    was_closed: Callable[[str], bool],
) -> Iterator[tuple[str, str]]:
    """Yield those of some versions that have an open incident elsewhere, each with the reason.

    Elsewhere means the workspaces of ``incidentsFrom``. Their files belong to another workspace, so a rollback here
    cannot carry them.
    """
    name = rollout.metadata.name
    for source in incident_sources(base.repository):
        other = replace(base, prefix=source.tree.location.removeprefix("."))
        for each in open_incidents(other, branches, name):
            if each.unread is not None and not was_closed(each.branch):
                words = f"the branch {each.branch}, perhaps of {source.workspace_name}, {each.unread}"
                yield from ((version, words) for version in versions)
            spec = each.incident.spec if each.incident is not None else None
            if spec is None or spec.rollout != name or was_closed(each.branch):
                continue
            file = source.rollout(name)
            record = file.model.spec.versions.get(spec.failed_version) if file and file.model else None
            for version in versions:
                own = rollout.spec.versions.get(version)
                same = own is not None and record is not None and own.digest is not None and own.digest == record.digest
                if version == spec.failed_version or same:
                    yield version, f"the branch {each.branch} of {source.workspace_name} has an incident of it"


def _still_there(base: Base, missing: Collection[str]) -> list[str]:
    """Return the branches that did not arrive, although the remote still has them."""
    if base.remote is None or not missing:
        return []
    return sorted(missing & base.remote.branches(*(f"{kind}*" for kind in KINDS)).keys())


def carried_by(base: Base, head: str) -> Collection[str]:
    """Return the incidents that a head carries, without those of the breaches that it answers."""
    if head not in base.carried:
        added = incidents_of_head(base, head)
        base.carried[head] = added[1].carried.keys() if added is not None else ()
    return base.carried[head]


def fetched(base: Base, branches: Mapping[str, str], end: float | None = None) -> list[str]:
    """Fetch branches and return those that are present: one may be deleted by now.

    If they do not arrive, each half gets half of the time that is left until ``end``, so that one hides no other. A
    command waits for a head once.
    """
    if base.remote is None or not branches:
        return []
    end = time.monotonic() + _MOST_SECONDS if end is None else end
    left, wanted = (
        end - time.monotonic(),
        {name: each for name, each in branches.items() if each not in base.remote.lost},
    )
    try:
        if left > 0 and wanted:
            base.remote.fetch_branches(wanted, within=left / 2)
    except UserError:
        if len(wanted) > 1:
            names = list(wanted)
            halves = names[: len(names) // 2], names[len(names) // 2 :]
            return [name for half in halves for name in fetched(base, {each: wanted[each] for each in half}, end)]
    present = [name for name, commit in branches.items() if base.git.has(commit)]  # it may have moved meanwhile
    base.remote.lost.update(branches[name] for name in branches.keys() - present)
    return present
