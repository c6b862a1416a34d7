"""The quarantine of versions: which versions an incident bars from coming back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rollout_spec.domain.incidents import readings
from rollout_spec.workspace.incident_sources import incident_sources, unknown_sources
from rollout_spec.workspace.loader import File
from rollout_spec.workspace.repository import Repository

if TYPE_CHECKING:
    from rollout_spec.spec.incident import Incident, IncidentSpec
    from rollout_spec.spec.rollout import ModelRollout


@dataclass(frozen=True)
class Quarantine:
    """The incident that bars a version.

    ``version`` is the one that the incident is about: another one than the barred one if both are the same bytes.
    ``workspace`` is the workspace of the incident, None if it is this one. ``incident`` is None if the file does not
    load or contradicts its name. Then the name quarantines.
    """

    file: File[Incident]
    version: str
    incident: IncidentSpec | None
    workspace: str | None = None

    @property
    def description(self) -> str:
        """The incident with its workspace: ``incident fraud-42 of prod-us``."""
        of = "" if self.workspace is None else f" of {self.workspace}"
        if self.incident is not None:
            return f"incident {self.file.stem}{of}"
        return f"{self.file.path}{of}, which {'contradicts its name' if self.file.model else 'does not load'}"

    def same_bytes(self, version: str) -> str | None:
        """Return ``the same bytes as 43 there`` if the incident is about another version than this, else None."""
        there = "" if self.workspace is None else " there"
        return f"the same bytes as {self.version}{there}" if version != self.version else None


def quarantined(rollout: ModelRollout, repository: Repository) -> dict[str, Quarantine]:
    """Return the quarantined versions, each with its incident. One of this workspace comes before others.

    Records with the same digest share a quarantine, except the restored one: the same bytes with other pins may be a
    rollback target. A version that is quarantined in a workspace of ``incidentsFrom`` is quarantined here too, by its
    name and by its digest there. An incident that does not load quarantines the version in its name.
    """
    return dict(
        repository.unrendered.once(("quarantined", id(rollout)), lambda here: (rollout, _barred(rollout, here)))[1]
    )


def _barred(rollout: ModelRollout, repository: Repository) -> dict[str, Quarantine]:
    name, versions = rollout.metadata.name, rollout.spec.versions
    barred: dict[str, Quarantine] = {}
    for source in (repository, *incident_sources(repository)):
        file = source.rollout(name) if source is not repository else None
        other_versions = file.model.spec.versions if file and file.model else ()
        for reading in readings(rollout, source, other_versions):
            if not reading.quarantines:
                continue
            digest = _digest(file, reading.version)
            same = _recorded(rollout, digest) if digest else versions_with_same_digest(rollout, reading.version)
            restored = reading.incident.restored_version if reading.incident else None
            for version in {reading.version, *(same - {restored})} & versions.keys():
                workspace = None if source is repository else _name(source)
                barred.setdefault(version, Quarantine(reading.file, reading.version, reading.incident, workspace))
    return barred


def _name(workspace: Repository) -> str:
    return workspace.workspace_name or workspace.tree.location.rpartition("/")[2]


def versions_with_same_digest(rollout: ModelRollout, version: str) -> set[str]:
    """Return the other versions with the digest of this one: the same bytes."""
    record = rollout.spec.versions.get(version)
    return _recorded(rollout, record.digest) - {version} if record and record.digest else set()


def _recorded(rollout: ModelRollout, digest: str) -> set[str]:
    return {version for version, record in rollout.spec.versions.items() if record.digest == digest}


def _digest(file: File[ModelRollout] | None, version: str) -> str | None:
    """Return the digest of a version, read from the raw document if the file does not load."""
    if file is None:
        return None
    if file.model is None:
        scalar = file.document.scalar(("spec", "versions", version, "digest")) if file.document.readable else None
        return str(scalar.value) if scalar is not None else None
    record = file.model.spec.versions.get(version)
    return record.digest if record else None


def unknown_quarantines(rollout: ModelRollout, repository: Repository) -> tuple[str, ...]:
    """Return the reasons why the quarantines of other workspaces are unknown.

    The reasons are files that are missing or do not load.
    """
    name = rollout.metadata.name
    reasons = [unknown.reason for unknown in unknown_sources(repository)]
    for source in incident_sources(repository):
        file = source.rollout(name)
        if (
            file is not None
            and not file.document.readable
            and any(reading.quarantines for reading in readings(rollout, source))
        ):
            reasons.append(f"{file.path} of {_name(source)} does not load")
    return tuple(reasons)
