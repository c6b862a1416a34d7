"""Rollbacks without a network.

They are prepared from the newest base that this clone has, or from the files on disk.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rollout_spec.checks.regressions import new_findings
from rollout_spec.core.breach import Breach
from rollout_spec.core.errors import UserError
from rollout_spec.core.findings import Finding
from rollout_spec.core.units import format_time
from rollout_spec.rollback import NoAction, NoRollbackTarget, Rollback, UndoneCommits, roll_back
from rollout_spec.rollback.offline_bundle import OfflineRollback, prepare
from rollout_spec.workflows.decide import left_to_a_person
from rollout_spec.workflows.locate import WorkspaceLocation
from rollout_spec.workflows.newest import local_workspace
from rollout_spec.workspace.commit_tree import CommitTree
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
