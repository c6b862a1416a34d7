"""The required status of a rollback that this process built and checked.

The check is that of CI, and the forge merges at once instead of after CI. Only ``rollout-spec serve`` does this, and
only if the workspace on the base names the status. The workspace in the rollback's own commit does not count.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from rollout_spec.core.errors import UserError
from rollout_spec.core.findings import Finding
from rollout_spec.core.markdown import code
from rollout_spec.core.pull_request import ProposedChange, PullRequest
from rollout_spec.core.text import one_line
from rollout_spec.integrations.forges import Forge
from rollout_spec.integrations.forges.statuses import LONGEST_DESCRIPTION
from rollout_spec.rollback import GuardVerdict, NoAction, NoRollbackTarget, Rollback
from rollout_spec.rollback.edit_limits import edits_beyond_rollback
from rollout_spec.spec.kinds import WORKSPACE_FILE
from rollout_spec.workflows.base_branch import Base
from rollout_spec.workflows.check import review
from rollout_spec.workflows.decide import Case
from rollout_spec.workflows.locate import check_version
from rollout_spec.workflows.make_ready import Attest
from rollout_spec.workspace.commit_tree import CommitTree
from rollout_spec.workspace.repository import Repository


def attestation(
    decision: Rollback | NoRollbackTarget | NoAction,
    verdict: GuardVerdict,
    change: ProposedChange,
    case: Case,
    forge: Forge,
) -> Attest | None:
    """Return the function that sets the status of a rollback.

    None if the base names no status, or a person must review or merge.
    """
    context = case.base.automation.attest
    if context is None or case.order is not None or not isinstance(decision, Rollback):
        return None
    if verdict.action != "act" or not verdict.auto_merge or not change.auto_merge or change.draft:
        return None
    return _Attestation(context, decision, change, case.base, forge, case.now).set_status


@dataclass(frozen=True)
class _Attestation:
    """The status of one rollback, whose commit this process built on ``base``."""

    context: str
    rollback: Rollback
    change: ProposedChange
    base: Base
    forge: Forge
    now: datetime

    def set_status(self, pull: PullRequest, commit: str) -> None:
        """Check a commit and set its status.

        UserError if the check fails, or if the branch or the base has moved.
        """
        self._refuse_other_edits()
        self._refuse_errors(commit)
        self._refuse_moved(pull, commit)
        moves = ", ".join(f"{part.rollout} {part.failed} -> {part.restored}" for part in self.rollback.parts)
        description = one_line(f"rollout-spec built and checked it: {moves}", LONGEST_DESCRIPTION)
        self.forge.attest(pull, commit, self.context, description)

    def _refuse_other_edits(self) -> None:
        edits = {self.base.path(path): content for path, content in self.rollback.edits.items()}
        beyond = next(edits_beyond_rollback(self.rollback, self.base.repository), None)
        if edits != dict(self.change.edits):
            raise UserError("its commit has other edits than the rollback", status=1)
        if beyond is not None:
            raise UserError(f"it changes more than a rollback may: {code(beyond)}", status=1)

    def _refuse_errors(self, commit: str) -> None:
        """Check each workspace of the git repository as `check --all --base` does."""
        errors = [finding for finding in self._findings(commit) if finding.severity == "error"]
        if errors:
            first = f"{errors[0].file}:{errors[0].line} [{errors[0].name}]"
            count = "1 error" if len(errors) == 1 else f"{len(errors)} errors, first"
            raise UserError(f"the check of {commit[:12]} has {count}: {code(first)}", status=1)

    def _findings(self, commit: str) -> Iterator[Finding]:
        git = self.base.git
        for folder in git.folders_with(commit, WORKSPACE_FILE):
            after, before = (Repository(CommitTree(git, each, folder)) for each in (commit, self.base.commit))
            check_version(after)
            yield from review(after, base=before, prefix=folder, now=self.now).findings

    def _refuse_moved(self, pull: PullRequest, commit: str) -> None:
        """Raise UserError if the branch has another commit on the remote, or the base has moved."""
        remote, base = self.base.remote, self.base
        assert remote is not None
        heads = remote.branches(pull.head, base.branch)
        if heads.get(pull.head) != commit:
            raise UserError(f"{pull.head} has moved from {commit[:12]}", status=1)
        if heads.get(base.branch) != base.commit or pull.base != base.branch:
            raise UserError(f"{base.branch} has moved from {base.commit[:12]}", status=1)
