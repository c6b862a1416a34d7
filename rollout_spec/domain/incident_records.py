"""The incidents of a workspace as a person reads them: their state, and what they are about."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from rollout_spec.domain.incident_files import FOLDER, all_paths, file_at, stem_of
from rollout_spec.domain.incidents import fits, subjects
from rollout_spec.domain.quarantine import quarantined
from rollout_spec.workspace.loader import File
from rollout_spec.workspace.repository import Repository

if TYPE_CHECKING:
    from rollout_spec.spec.incident import Incident, IncidentSpec

IncidentState = Literal["unreadable", "open", "unmerged", "bad", "cleared"]
"""``unmerged`` is on a branch, or in the checkout alone; ``bad`` and ``cleared`` are the verdicts of resolved ones."""
ENDED: tuple[IncidentState, ...] = ("bad", "cleared")
_ORDER: tuple[IncidentState, ...] = ("unreadable", "open", "unmerged", *ENDED)
DOES_NOT_LOAD = "the file does not load"
NOT_READ = f"it is not read: an incident is a file {FOLDER}/<name>.yaml"
LINK = "the folder is a link or a submodule, and is not followed"
CONTRADICTS = "the file contradicts its name"
_EARLIEST = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class IncidentRecord:
    """One incident. ``incident`` is None if its file cannot be read: then ``problem`` has the reason.

    ``versions`` are the failed version, or all versions that an unreadable file quarantines. ``branch`` is the branch
    of an unmerged one, None if it is in the checkout alone. ``note`` is the state of the checkout, if that differs;
    ``awaits_merge``: it is resolved there.
    """

    name: str
    path: str
    state: IncidentState
    rollout: str | None
    versions: tuple[str, ...]
    incident: Incident | None = None
    problem: str | None = None
    branch: str | None = None
    note: str | None = None
    awaits_merge: bool = False

    @property
    def spec(self) -> IncidentSpec | None:
        """The spec of an incident that can be read."""
        return self.incident.spec if self.incident is not None else None


@dataclass(frozen=True)
class IncidentDetail:
    """Further facts about one incident.

    ``quarantine`` is a sentence about its version. ``is_stable``: the failed version is still stable, because there was
    no rollback target. ``resolving`` are the branches on the remote that resolve it. ``findings`` are the errors of a
    file that cannot be read, each in one line.
    """

    record: IncidentRecord
    quarantine: str
    is_stable: bool = False
    resolving: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()


@dataclass(frozen=True)
class WorkspaceIncidents:
    """The incidents of a workspace.

    ``commit`` is None outside git. ``not_asked`` says why the remote was not asked, so unmerged ones are unknown.
    """

    workspace: str
    records: tuple[IncidentRecord, ...]
    branch: str | None = None
    commit: str | None = None
    not_asked: str | None = None

    def without_resolved(self) -> WorkspaceIncidents:
        """Return the incidents that need a person."""
        return replace(self, records=tuple(record for record in self.records if record.state not in ENDED))


def merged_records(repository: Repository) -> list[IncidentRecord]:
    """Return a record for each incident, readable or not.

    If the folder is a link, there is one record for it.
    """
    if repository.link(FOLDER) is not None:
        return [IncidentRecord(FOLDER, FOLDER, "unreadable", None, (), problem=LINK)]
    return [record_of(file_at(path, repository), repository) for path in all_paths(repository)]


def incident_paths(repository: Repository) -> dict[str, str]:
    """Return the path of each incident by its name."""
    return {name_of(path): path for path in all_paths(repository)}


def record_of(file: File[Incident], repository: Repository, *, unmerged: bool = False) -> IncidentRecord:
    """Return the record of a file."""
    name, model = name_of(file.path), file.model
    if model is None or not fits(stem_of(file.path), model.spec.rollout, model.spec.failed_version):
        problem = CONTRADICTS if model is not None else DOES_NOT_LOAD if file.content else NOT_READ
        about = list(subjects(file, repository))
        rollouts = {rollout for rollout, _ in about}
        versions = tuple(dict.fromkeys(version for _, version in about))
        rollout = rollouts.pop() if len(rollouts) == 1 else None
        return IncidentRecord(name, file.path, "unreadable", rollout, versions, problem=problem)
    spec = model.spec
    state: IncidentState = spec.verdict if spec.status == "resolved" and spec.verdict is not None else "open"
    state = "unmerged" if unmerged else state
    return IncidentRecord(name, file.path, state, spec.rollout, (spec.failed_version,), model)


def name_of(path: str) -> str:
    """Return the name of an incident: that of its file, with the subfolder in which it is not read."""
    return path.removeprefix(f"{FOLDER}/").removesuffix(".yaml")


def in_order(records: Iterable[IncidentRecord]) -> tuple[IncidentRecord, ...]:
    """Return records with those that need a person first, and each state from the newest to the oldest."""
    newest = sorted(records, key=lambda record: record.name)
    newest.sort(key=lambda record: record.spec.observed_at if record.spec else _EARLIEST, reverse=True)
    return tuple(sorted(newest, key=lambda record: _ORDER.index(record.state)))


def quarantine_of(rollout: str, version: str, repository: Repository) -> str:
    """Return a sentence that says whether a version is quarantined, and by which incident."""
    file = repository.rollout(rollout)
    if file is None or file.model is None:
        problem = f"rollouts/{rollout}.yaml {'is missing' if file is None else 'does not load'}"
        return f"whether {version} is quarantined is unknown: {problem}"
    quarantine = quarantined(file.model, repository).get(version)
    if quarantine is None:
        return f"{version} is not quarantined"
    incident = quarantine.incident
    is_bad = incident is not None and incident.status == "resolved"
    return f"{version} is quarantined{' for good' if is_bad else ''} by {quarantine.description}"
