"""Rollbacks without a network.

They are prepared from the newest base that this clone has, or from the files on disk.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from rollout_spec.checks.regressions import new_findings
from rollout_spec.core.breach import Breach
from rollout_spec.core.errors import UserError
from rollout_spec.core.findings import Finding
from rollout_spec.core.units import format_time
from rollout_spec.rollback import NoAction, NoRollbackTarget, Rollback, UndoneCommits, roll_back
from rollout_spec.rollback.offline_bundle import README, OfflineRollback, prepare, readme
from rollout_spec.workflows.breach_version import with_versions
from rollout_spec.workflows.breach_workspaces import ForeignBreach, split_by_workspace
from rollout_spec.workflows.locate import WorkspaceLocation, check_version, refuse_link
from rollout_spec.workflows.newest import bare_root, local_workspace
from rollout_spec.workflows.person_findings import left_to_a_person
from rollout_spec.workspace.commit_tree import CommitTree
from rollout_spec.workspace.files import write
from rollout_spec.workspace.repository import Repository


@dataclass(frozen=True)
class OfflineResponse:
    """A decision, with its files unless there is no rollback or its errors are ``refused``."""

    decision: Rollback | NoRollbackTarget | NoAction
    bundle: OfflineRollback | None = None
    refused: tuple[Finding, ...] = ()

    @property
    def status(self) -> int:
        """The exit status: 1 if a rollback is needed and none is prepared."""
        return 0 if self.bundle is not None or isinstance(self.decision, NoAction) else 1


@dataclass(frozen=True)
class Offline:
    """The breaches to respond to without a network, and the new folder ``target``.

    ``source`` describes the origin of the files in ``repository``. ``foreign`` are breaches of other workspaces, and
    ``errors`` are of breaches whose failed version is not certain.
    """

    breaches: Sequence[Breach]
    foreign: Sequence[ForeignBreach]
    errors: Sequence[UserError]
    repository: Repository
    prefix: str
    source: str
    target: Path

    def respond(self) -> list[OfflineResponse]:
        """Respond to the first breach of each version. UserError if two versions of a rollout failed."""
        newest_first = sorted(self.breaches, key=lambda each: each.observed_at, reverse=True)
        breaches = list({(each.rollout, each.version): each for each in newest_first}.values())
        rollouts = [breach.rollout for breach in breaches]
        twice = next((name for name in rollouts if rollouts.count(name) > 1), None)
        if twice is not None:
            message = f"two versions of {twice} failed, but one folder holds one rollback of it"
            raise UserError(message, hint="name ROLLOUT")
        return [prepare_offline(breach, self.repository, self.prefix) for breach in breaches]

    def write(self, responses: Iterable[OfflineResponse], now: datetime) -> list[OfflineRollback]:
        """Write the files of the rollbacks, with instructions, and return the rollbacks."""
        bundles = [response.bundle for response in responses if response.bundle is not None]
        for bundle in bundles:
            for path, content in bundle.files.items():
                write(self.target, path, content)
        if bundles:
            write(self.target, README, readme(bundles, self.source, now).encode())
        return bundles


def begin_offline(breaches: Iterable[Breach], here: WorkspaceLocation, folder: Path) -> Offline:
    """Return the breaches of this workspace, and its newest known base.

    UserError if the folder may not be written.
    """
    target = Path(os.path.normpath(here.start / folder))
    if here.git_root is not None and bare_root(target) is not None:
        raise UserError(f"{folder} would be in the bare repository {here.git_root}", hint="choose another directory")
    if here.workspace in target.parents:
        refuse_link(here.workspace, target.relative_to(here.workspace).as_posix())
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UserError(f"{folder} already exists and is not empty", hint="choose a new directory")
    repository, source = newest_local_base(here)
    check_version(repository)
    ours, foreign = split_by_workspace(breaches, repository)
    ours, errors = with_versions(ours, repository)
    return Offline(ours, foreign, errors, repository, here.prefix, source, target)


def prepare_offline(breach: Breach, repository: Repository, prefix: str) -> OfflineResponse:
    """Decide on a breach, check the rollback, and prepare its files. No guard applies: a person acts."""
    decision = roll_back(repository, breach, UndoneCommits(reason="nobody looked"))
    if not isinstance(decision, Rollback):
        return OfflineResponse(decision)
    introduced, _ = new_findings(repository, decision.edits, switched=decision.switched, prefix=prefix)
    if len(left_to_a_person(introduced, decision)) < len(introduced):
        return OfflineResponse(decision, refused=tuple(introduced))
    return OfflineResponse(decision, prepare(decision, repository))


def newest_local_base(here: WorkspaceLocation) -> tuple[Repository, str]:
    """Return the workspace of the newest base in this clone, else the local one, and a description of it."""
    local = local_workspace(here)
    settings = local.settings
    if here.git_root is not None:
        from rollout_spec.integrations.git.repository import Git

        git = Git(here.git_root)
        for ref in _refs(settings.forge.remote, settings.forge.base) if settings and settings.forge else _refs():
            try:
                commit = git.commit(ref)
                repository = Repository(CommitTree(git, commit, here.prefix))
                if repository.workspace is not None and repository.workspace.model is not None:
                    return repository, f"{ref} in this clone: {commit[:12]} of {format_time(git.date(commit))}"
            except UserError:
                continue  # the branch or one of its objects is missing here
    return local, "the files on this disk"


def _refs(remote: str = "origin", base: str | None = None) -> Iterator[str]:
    """Yield the refs that may be the base, the best first."""
    yield from (f"refs/remotes/{remote}/{base}", f"refs/heads/{base}") if base else (f"refs/remotes/{remote}/HEAD",)
    yield from (f"refs/remotes/{remote}/main", "refs/heads/main", "HEAD")
