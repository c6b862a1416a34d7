"""The comparison of records with the registry and the artifacts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from rollout_spec.core.errors import OUTSIDE, UserError
from rollout_spec.core.findings import WHOLE_FILE, Finding, KeyPath, Problem
from rollout_spec.core.paths import under
from rollout_spec.core.registered import Examination, ModelAddress, RunAddress, parse_address
from rollout_spec.domain.registry import HAS_ENTRY, Role, VersionFacts, problems, roles
from rollout_spec.spec.rollout import ModelRollout, VersionRecord
from rollout_spec.workflows.registry import RegistryAccess
from rollout_spec.workspace.loader import File
from rollout_spec.workspace.repository import Repository

Progress = Callable[[int, int], None] | None


@dataclass(frozen=True)
class VerifiedArtifact:
    """An artifact of a version, and how it was examined."""

    rollout: str
    version: str
    role: Role
    examination: Examination


@dataclass(frozen=True)
class Verification:
    """The result: sorted findings, and the artifacts.

    ``failure`` is the error of a registry or store that did not answer. Later versions were not examined.
    """

    findings: tuple[Finding, ...] = ()
    artifacts: tuple[VerifiedArtifact, ...] = ()
    failure: UserError | None = None

    @property
    def status(self) -> int:
        """The exit status."""
        if self.failure is not None:
            return self.failure.status
        return 1 if any(finding.severity == "error" for finding in self.findings) else 0


@dataclass(frozen=True)
class VerifyOptions:
    """Options. ``only_list``: artifacts need only exist. ``prefix`` is put before the paths of findings."""

    only_list: bool = False
    prefix: str = ""
    progress: Progress = None


def verify(
    names: Sequence[str], repository: Repository, access: RegistryAccess, options: VerifyOptions
) -> Verification:
    """Compare the versions of rollouts that are live or may come back with the registry.

    Without names, all rollouts are compared. UserError if a name is unknown, or if a record names an entry but the
    workspace names no registry.
    """
    findings, artifacts = list(_unread(names, repository, options.prefix)), list[VerifiedArtifact]()
    wanted = list(_versions(names, repository))
    try:
        for done, (file, version, role) in enumerate(wanted, start=1):
            rollout = file.require_model()
            record = rollout.spec.versions[version]
            is_brief = options.only_list or role == "quarantined"
            facts = facts_of(record, access, only_list=is_brief)
            artifacts += (
                VerifiedArtifact(rollout.metadata.name, version, role, each) for each in facts.artifacts.values()
            )
            findings += _findings(file, version, facts, role, options.prefix)
            if options.progress:
                options.progress(done, len(wanted))
    except UserError as error:
        if error.status != OUTSIDE:
            raise
        return Verification(tuple(sorted(findings)), tuple(artifacts), error)
    return Verification(tuple(sorted(findings)), tuple(artifacts))


def _versions(names: Sequence[str], repository: Repository) -> Iterator[tuple[File[ModelRollout], str, Role]]:
    """Yield the versions to verify. UserError if a named rollout does not exist or load."""
    for name in names:
        repository.require_rollout(name)
    for name in dict.fromkeys(names) or repository.names("rollouts"):
        file = repository.rollout(name)
        if file is not None and file.model is not None:
            for version, role in roles(file.model, repository).items():
                yield file, version, role


def _unread(names: Sequence[str], repository: Repository, prefix: str) -> Iterator[Finding]:
    """Yield a finding for each rollout that does not load: silence would say that it agrees."""
    for name in () if names else repository.names("rollouts"):
        file = repository.rollout(name)
        if file is None or file.model is None:
            path = under(prefix, f"rollouts/{name}.yaml")
            problem = Problem(
                (), "this rollout does not load: its versions are not verified", "run `rollout-spec check`"
            )
            yield Finding.at(path, WHOLE_FILE, HAS_ENTRY, problem)


def facts_of(record: VersionRecord, access: RegistryAccess, *, only_list: bool = False) -> VersionFacts:
    """Ask the registry and the stores about a version.

    UserError with status 3 if one of them does not answer.
    """
    address, entry, run = parse_address(record.model or ""), None, None
    if isinstance(address, ModelAddress):
        entry = access.required().entry(address)
    run_id = address.run_id if isinstance(address, RunAddress) else record.run_id or (entry.run_id if entry else None)
    if run_id is not None and address is not None:
        run = access.required().run(run_id)
    places: dict[KeyPath, str] = {}
    if record.artifact is not None:
        places["artifact",] = record.artifact
    elif record.parts is None:
        found = entry.artifact if entry is not None else None
        if isinstance(address, RunAddress) and run is not None and run.artifacts is not None:
            found = f"{run.artifacts.rstrip('/')}/{address.path}"
        if found is not None:
            places["model",] = found
    for number, part in enumerate(record.parts or ()):
        places["parts", number, "artifact"] = part.artifact
    seen = {path: access.artifacts.examine(place, only_list=only_list) for path, place in places.items()}
    return VersionFacts(entry, run, seen)


def _findings(
    file: File[ModelRollout], version: str, facts: VersionFacts, role: Role, prefix: str
) -> Iterator[Finding]:
    rollout = file.require_model()
    for name, problem in problems(version, rollout.spec.versions[version], facts, role):
        span = file.document.span(problem.path, on_key=problem.on_key)
        finding = Finding.at(file.path, span, name, problem)
        yield replace(finding, file=under(prefix, finding.file))
