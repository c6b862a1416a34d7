"""The incidents of a rollout, including those that cannot be read.

A file in ``incidents/`` that does not load is about the version in its name: ``<rollout>-<version label>[-N]``. If
several versions fit the name, it is about all of them. A file that contradicts its name is about both versions.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rollout_spec.core.units import label
from rollout_spec.domain.incident_files import files_about, starts_of, stem_of, written_rollout, written_value
from rollout_spec.workspace.loader import File
from rollout_spec.workspace.repository import Repository

if TYPE_CHECKING:
    from rollout_spec.spec.incident import Incident, IncidentSpec
    from rollout_spec.spec.rollout import ModelRollout

_COUNT = re.compile(r"(-([2-9]|[1-9][0-9]+))?")


@dataclass(frozen=True)
class Reading:
    """A version with the incident file about it.

    ``incident`` is None unless the file loads and names the version.
    """

    file: File[Incident]
    version: str
    incident: IncidentSpec | None

    @property
    def quarantines(self) -> bool:
        """Return whether the incident quarantines the version."""
        return self.incident is None or self.file.model is None or self.file.model.quarantines


def readings(rollout: ModelRollout, repository: Repository, other_versions: Iterable[str] = ()) -> list[Reading]:
    """Return the versions with the incidents about them: first the incidents that load, each oldest first.

    ``other_versions`` are versions of the same rollout that another workspace records.
    """
    versions = list(dict.fromkeys((*rollout.spec.versions, *other_versions)))
    files = files_about(rollout.metadata.name, repository)
    all_readings = [reading for file in files for reading in _read(file, rollout, versions)]
    return sorted(
        all_readings, key=lambda reading: (reading.incident is None, len(reading.file.stem), reading.file.stem)
    )


def subjects(file: File[Incident], repository: Repository) -> Iterator[tuple[str, str]]:
    """Yield the rollouts and versions that a file is about. A rollout that does not load is left out."""
    written = written_rollout(file)
    names = {*starts_of(stem_of(file.path)), *([written] if written is not None else [])}
    for name in sorted(names & set(repository.names("rollouts"))):
        rollout = repository.rollout(name)
        if rollout is not None and rollout.model is not None:
            yield from ((name, each.version) for each in _read(file, rollout.model, list(rollout.model.spec.versions)))


def fits(stem: str, rollout: str, version: str) -> bool:
    """Return whether an incident of a version may have this name."""
    wanted = f"{rollout}-{label(version)}"
    return stem.startswith(wanted) and _COUNT.fullmatch(stem.removeprefix(wanted)) is not None


def _read(file: File[Incident], rollout: ModelRollout, versions: list[str]) -> Iterator[Reading]:
    """Give the versions of one rollout that a file is about."""
    name, spec = rollout.metadata.name, file.model.spec if file.model else None
    if spec is not None and fits(stem_of(file.path), spec.rollout, spec.failed_version):
        if spec.rollout == name:
            yield Reading(file, spec.failed_version, spec)
        return
    if spec is not None and spec.rollout == name:
        yield Reading(file, spec.failed_version, spec)
    written = _written_version(file, name) if spec is None else None
    by_name = _versions_of(stem_of(file.path), name, versions)
    for version in dict.fromkeys((*by_name, *([written] if written is not None else []))):
        yield Reading(file, version, None)


def _versions_of(stem: str, rollout: str, versions: list[str]) -> list[str]:
    """Return the versions that fit a file name exactly, or else those with which it begins."""
    exact = [version for version in versions if fits(stem, rollout, version)]
    if exact:
        return exact
    near = [version for version in versions if f"{stem}-".startswith(f"{rollout}-{label(version)}-")]
    longest = max((len(label(version)) for version in near), default=0)
    return [version for version in near if len(label(version)) == longest]


def _written_version(file: File[Incident], rollout: str) -> str | None:
    """Return the version in the text of a file that does not load, if it names this rollout."""
    return written_value(file, "failedVersion") if written_value(file, "rollout") == rollout else None
