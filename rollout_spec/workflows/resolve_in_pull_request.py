"""The resolution of an incident in a pull request: prepared on the newest base, then built or opened."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from rollout_spec.core.errors import UserError
from rollout_spec.core.pull_request import ProposedChange
from rollout_spec.domain.incident_records import incident_paths
from rollout_spec.integrations.forges import Forge
from rollout_spec.lifecycle.incident_pull_request import resolution_change
from rollout_spec.lifecycle.incident_resolution import ResolveRequest
from rollout_spec.workflows.base_branch import Base, build, forge_of
from rollout_spec.workflows.branch_heads import Built, Heads
from rollout_spec.workflows.locate import WorkspaceLocation
from rollout_spec.workflows.newest import fetch_base
from rollout_spec.workflows.open_branches import incidents_on, open_branches
from rollout_spec.workflows.open_step import refuse_other
from rollout_spec.workflows.pull_requests import DeliveredChange, Delivery, deliver
from rollout_spec.workflows.resolution_check import CheckedResolution, ResolveOptions, checked_resolution, resolved


@dataclass(frozen=True)
class ResolutionInPullRequest:
    """A checked resolution on the newest base. ``forge`` is None if nothing is pushed."""

    request: ResolveRequest
    checked: CheckedResolution
    options: ResolveOptions
    base: Base
    workspace: str
    forge: Forge | None

    @cached_property
    def change(self) -> ProposedChange:
        """The commit and the pull request."""
        return resolution_change(self.checked.done, self.workspace, date=self.options.now, prefix=self.base.prefix)

    def build(self) -> tuple[str, str]:
        """Build the commit without a push, and return it with its diff."""
        commit = build(self.change, self.base)
        return commit, self.base.git.diff(self.base.commit, commit)

    def open(self, forge: Forge) -> DeliveredChange:
        """Push the branch, and open the pull request or adopt an open one of the same resolution.

        UserError if one is open that resolves the incident in another way.
        """

        def rebuilt(own: Base, commit: str) -> Built | None:
            edits = resolved(own.repository, self.request).edits
            return Built({own.path(path): content for path, content in edits.items()}, self.change.branch)

        heads = Heads(self.base, rebuilt)
        refuse_other(self.change, self.base, forge, heads, "incident")
        return deliver(Delivery(self.change, self.base, forge, heads, ordered=True))


def resolve_in_pull_request(
    request: ResolveRequest, here: WorkspaceLocation, root: Path, options: ResolveOptions
) -> ResolutionInPullRequest:
    """Resolve an incident on the newest base of the git root. It may be refused, see ``checked``."""
    base, workspace = fetch_base(here, root)
    settings = workspace.spec
    is_dry_run = options.is_dry_run or settings.automation.mode == "dry-run"
    forge = None if is_dry_run else forge_of(base, settings.forge)
    if request.incident not in incident_paths(base.repository):
        _refuse_unmerged(request.incident, base)
    checked = checked_resolution(request, base.repository, [base.repository], base.prefix, options.now)
    return ResolutionInPullRequest(request, checked, options, base, workspace.metadata.name, forge)


def _refuse_unmerged(name: str, base: Base) -> None:
    """UserError if an incident that is missing on the base is on a branch of the remote."""
    for records in incidents_on(base, open_branches(base)).values():
        for each in records:
            if each.name == name:
                raise UserError(
                    f"incident {name} is on the branch {each.branch}, which is not merged",
                    hint="merge its pull request first",
                )
