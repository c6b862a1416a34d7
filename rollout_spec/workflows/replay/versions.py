"""The versions of a replay: those of an incident, or those that a person names."""

from __future__ import annotations

from dataclasses import dataclass

from rollout_spec.core.errors import UserError
from rollout_spec.core.text import did_you_mean, excerpt
from rollout_spec.spec.incident import Incident
from rollout_spec.spec.rollout import ModelRollout
from rollout_spec.workspace.loader import File
from rollout_spec.workspace.repository import Repository


@dataclass(frozen=True)
class ReplayedVersions:
    """The failed and the restored version, and the name of the incident that names them, if any."""

    failed: str
    restored: str
    incident: str | None


def replayed_versions(
    repository: Repository, rollout: ModelRollout, failed: str | None, restored: str | None, incident: str | None
) -> ReplayedVersions:
    """Return the versions of a replay. UserError if they are not known.

    A version that is not given is taken from the named incident, or from the newest one of the rollout.
    """
    name = rollout.metadata.name
    file = _named(repository, name, incident) if incident is not None else None
    if file is None and (failed is None or restored is None):
        file = _newest(repository, name, failed)
        if file is None:
            which = f" of {excerpt(failed)}" if failed is not None else ""
            raise UserError(
                f"{name} has no incident{which} that names the versions", hint="use --failed and --restored"
            )
    spec = file.require_model().spec if file is not None else None
    failed = failed if failed is not None else spec.failed_version if spec else None
    restored = restored if restored is not None else spec.restored_version if spec else None
    if failed is None or restored is None:
        assert file is not None
        raise UserError(f"incident {file.stem} restored no version", hint="name one with --restored")
    for option, version in (("--failed", failed), ("--restored", restored)):
        if version not in rollout.spec.versions:
            hint = did_you_mean(version, rollout.spec.versions)
            raise UserError(f"{option}: {name} has no version `{excerpt(version)}`", hint=hint)
    if failed == restored:
        raise UserError(f"{failed} cannot be both the failed and the restored version")
    is_its_own = spec is not None and (spec.failed_version, spec.restored_version) == (failed, restored)
    return ReplayedVersions(failed, restored, file.stem if file is not None and is_its_own else None)


def _named(repository: Repository, rollout: str, name: str) -> File[Incident]:
    known = repository.names_from("incidents", f"{rollout}-")
    file = repository.incident(name) if name in repository.names("incidents") else None
    if file is None:
        raise UserError(f"there is no incident `{excerpt(name)}` here", hint=did_you_mean(name, known))
    other = file.require_model().spec.rollout
    if other != rollout:
        raise UserError(f"incident {name} is about {other}, not {rollout}")
    return file


def _newest(repository: Repository, rollout: str, failed: str | None) -> File[Incident] | None:
    files = repository.incidents_of(rollout, failed)
    return max(files, key=lambda file: file.require_model().spec.observed_at, default=None)
