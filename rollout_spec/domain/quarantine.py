"""The quarantine of versions: which versions an incident bars from coming back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rollout_spec.domain.incidents import readings
from rollout_spec.workspace.repository import File, Repository

if TYPE_CHECKING:
    from rollout_spec.spec.incident import Incident, IncidentSpec
    from rollout_spec.spec.rollout import ModelRollout


@dataclass(frozen=True)
class Quarantine:
    """Why a version must not come back. ``workspace`` names the one that the incident is in; None: this one.

    ``incident`` is None if the file does not load, or says something else than its name: its name quarantines then.
    """

    file: File[Incident]
    incident: IncidentSpec | None
    workspace: str | None = None

    @property
    def description(self) -> str:
        """The incident, as it is called here: ``incident fraud-42 of prod-us``."""
        of = "" if self.workspace is None else f" of {self.workspace}"
        if self.incident is not None:
            return f"incident {self.file.stem}{of}"
        return f"{self.file.path}{of}, which {'contradicts its name' if self.file.model else 'does not load'}"


def quarantined(rollout: ModelRollout, repository: Repository) -> dict[str, Quarantine]:
    """Return the versions that must not come back, each with the incident that says so, one of this workspace first.

    Records of one digest share it, but for the one that was restored: the same bytes with other pins are a way back.
    What is quarantined in a workspace of ``incidentsFrom`` is so here, by the version's name and by its digest there.
    An incident that does not load quarantines the version that its name says.
    """
    name, versions = rollout.metadata.name, rollout.spec.versions
    found: dict[str, Quarantine] = {}
    for home in (repository, *repository.incident_sources()):
        there = home.rollout(name) if home is not repository else None
        more = there.model.spec.versions if there and there.model else ()
        for each in readings(rollout, home, more):
            if not each.quarantines:
                continue
            digest = _digest(there, each.version)
            same = _recorded(rollout, digest) if digest else versions_with_same_digest(rollout, each.version)
            restored = each.incident.restored_version if each.incident else None
            for version in {each.version, *(same - {restored})} & versions.keys():
                workspace = None if home is repository else _name(home)
                found.setdefault(version, Quarantine(each.file, each.incident, workspace))
    return found


def _name(workspace: Repository) -> str:
    return workspace.workspace_name or workspace.tree.place.rpartition("/")[2]


def versions_with_same_digest(rollout: ModelRollout, version: str) -> set[str]:
    """Return the other versions whose records have the digest of this one: the same bytes."""
    record = rollout.spec.versions.get(version)
    return _recorded(rollout, record.digest) - {version} if record and record.digest else set()


def _recorded(rollout: ModelRollout, digest: str) -> set[str]:
    return {version for version, record in rollout.spec.versions.items() if record.digest == digest}


def _digest(file: File[ModelRollout] | None, version: str) -> str | None:
    """Return the digest of a version; of a file that does not load, as it is written."""
    if file is None:
        return None
    if file.model is None:
        scalar = file.document.scalar(("spec", "versions", version, "digest")) if file.document.readable else None
        return str(scalar.value) if scalar is not None else None
    record = file.model.spec.versions.get(version)
    return record.digest if record else None


def unknown_quarantines(rollout: ModelRollout, repository: Repository) -> tuple[str, ...]:
    """Return why it cannot be known which versions are quarantined elsewhere: what is missing, or does not load."""
    name = rollout.metadata.name
    found = [each.why for each in repository.unknown_sources()]
    for home in repository.incident_sources():
        file = home.rollout(name)
        if (
            file is not None
            and not file.document.readable
            and any(each.quarantines for each in readings(rollout, home))
        ):
            found.append(f"{file.path} of {_name(home)} does not load")
    return tuple(found)
