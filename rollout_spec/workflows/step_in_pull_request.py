"""A lifecycle step in a pull request: prepared on the newest base, then built or opened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path

from rollout_spec.core.pull_request import ProposedChange
from rollout_spec.integrations.forges import Forge
from rollout_spec.lifecycle import Request
from rollout_spec.lifecycle.pull_request import step_change
from rollout_spec.spec.workspace import Workspace
from rollout_spec.workflows.base_branch import Base, build, forge_of
from rollout_spec.workflows.locate import WorkspaceLocation
from rollout_spec.workflows.merge_times import MergedAt, merge_times
from rollout_spec.workflows.newest import fetch_base
from rollout_spec.workflows.pull_requests import DeliveredChange
from rollout_spec.workflows.step import PreparedStep, decide, open_pull_request
from rollout_spec.workflows.step_in_checkout import StepOptions
from rollout_spec.workflows.unpushed import require_pushed, uncommitted_files, unpushed_commits


@dataclass(frozen=True)
class StepInPullRequest:
    """A prepared step on a base. ``workspace`` is a name. ``forge`` is None if nothing is pushed."""

    request: Request
    prepared: PreparedStep
    options: StepOptions
    base: Base
    workspace: str
    forge: Forge | None

    @cached_property
    def change(self) -> ProposedChange:
        """The commit and the pull request of the step, if it is not refused."""
        options, prefix = self.options, self.base.prefix
        text = options.text(self.prepared.held)
        return step_change(
            self.prepared.result, self.workspace, text, date=options.now, prefix=prefix, auto_merge=options.auto_merge
        )

    def build(self) -> tuple[str, str]:
        """Build the commit without a push, and return it with its diff."""
        commit = build(self.change, self.base)
        return commit, self.base.git.diff(self.base.commit, commit)

    def open(self, forge: Forge, since: datetime | None = None) -> DeliveredChange:
        """Push the branch, and open the pull request or adopt an open one.

        ClosedByPersonError if a person closed it after ``since``, None for a step that a person takes.
        """
        return open_pull_request(self.change, self.base, forge, self.request, since)


def prepare_pull_request(
    request: Request, here: WorkspaceLocation, root: Path, options: StepOptions, tell: Callable[[str], None]
) -> StepInPullRequest:
    """Prepare a step on the newest base of the git root. It may be refused, see ``prepared``."""
    base, workspace = fetch_base(here, root)
    if request.step not in ("bootstrap", "record"):
        require_pushed(request.rollout, request.version, here, base)
    for note in (unpushed_commits(here, base), uncommitted_files(here, base)):
        if note is not None:
            tell(note)
    return prepare_on_base(request, base, workspace, options, merge_times(base, workspace.spec.forge, tell))


def prepare_on_base(
    request: Request, base: Base, workspace: Workspace, options: StepOptions, merged_at: MergedAt | None
) -> StepInPullRequest:
    """Prepare a step on a base that is already fetched."""
    settings, now, forced = workspace.spec, options.now, options.forced
    is_dry_run = options.is_dry_run or settings.automation.mode == "dry-run"
    forge = None if is_dry_run else forge_of(base, settings.forge)
    prepared = decide(request, base.repository, base, now=now, prefix=base.prefix, forced=forced, merged_at=merged_at)
    return StepInPullRequest(request, prepared, options, base, workspace.metadata.name, forge)
