"""The resolution of an incident: checked in memory, then written, committed or proposed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from rollout_spec.checks.regressions import introduced
from rollout_spec.checks.runner import CheckOptions, check
from rollout_spec.core.errors import UserError
from rollout_spec.core.findings import Finding
from rollout_spec.core.text import excerpt
from rollout_spec.domain.incident_records import ENDED, incident_paths, record_of
from rollout_spec.domain.incidents import file_at
from rollout_spec.lifecycle.incident_resolution import (
    ResolvedIncident,
    ResolveRequest,
    message,
    resolution_change,
    resolve,
    unknown_hint,
)
from rollout_spec.lifecycle.step_result import REFUSED
from rollout_spec.workflows.locate import WorkspaceLocation
from rollout_spec.workflows.sparse_checkout import check_complete
from rollout_spec.workflows.step_check import failed_drill
from rollout_spec.workflows.step_in_checkout import StepWriter, checked_out, git_root
from rollout_spec.workspace.repository import Repository
from rollout_spec.workspace.watched import Watched

if TYPE_CHECKING:
    from rollout_spec.core.pull_request import ProposedChange
    from rollout_spec.integrations.forges import Forge
    from rollout_spec.workflows.base_branch import Base
    from rollout_spec.workflows.checkout import Checkout
    from rollout_spec.workflows.pull_requests import DeliveredChange

_WHOLE = CheckOptions(whole=True)


@dataclass(frozen=True)
class ResolveOptions:
    """The way to write a resolution."""

    now: datetime
    is_commit: bool = False
    is_dry_run: bool = False


@dataclass(frozen=True)
class CheckedResolution:
    """A resolution with the errors that refuse it. ``why`` is a reason without a finding."""

    done: ResolvedIncident
    refused: tuple[Finding, ...] = ()
    why: str | None = None

    @property
    def is_refused(self) -> bool:
        """Return whether the resolution must not be written."""
        return bool(self.refused or self.why)


@dataclass(frozen=True)
class ResolutionInCheckout:
    """A checked resolution, and the file before it. ``commit`` is None if nothing was committed."""

    checked: CheckedResolution
    before: bytes | None
    commit: str | None = None


def checked_resolution(
    request: ResolveRequest, repository: Repository, bases: Sequence[Repository], prefix: str, now: datetime
) -> CheckedResolution:
    """Resolve an incident in memory, and check it like a pull request into each base.

    An error of the incident's own file refuses it, and so does each new error of its rollout.
    """
    done = resolve(repository, request)
    after = repository.edited(done.edits)
    rollout = f"rollouts/{done.spec.rollout}.yaml"
    paths = [path for path in (done.path, rollout) if after.tree.read(path) is not None]
    own = f"{prefix}/{done.path}" if prefix else done.path
    refused: dict[Finding, None] = {}
    for base in bases or [repository]:
        earlier = check(repository, paths=paths, base=base, prefix=prefix, now=now, options=_WHOLE)
        later = check(after, paths=paths, base=base, prefix=prefix, now=now, options=_WHOLE)
        errors = [each for each in later.findings if each.severity == "error" and each.file == own]
        refused |= dict.fromkeys((*errors, *introduced(earlier, later)))
    if refused:
        return CheckedResolution(done, tuple(refused))
    failure = failed_drill(done.spec.rollout, after, now) if len(paths) > 1 else None
    if failure is not None and failed_drill(done.spec.rollout, repository, now) is None:
        return CheckedResolution(done, failure[1], failure[0])
    return CheckedResolution(done)


def resolve_in_checkout(
    request: ResolveRequest, here: WorkspaceLocation, options: ResolveOptions, tell: Callable[[str], None]
) -> ResolutionInCheckout:
    """Resolve an incident in the checkout and write it, unless it is refused or this is a dry run."""
    from rollout_spec.workflows.checkout import open_checkout, retry_if_changed

    if options.is_commit:
        git_root(here, "--commit")
    if options.is_dry_run:
        return _resolve_and_write(request, here, options, None)

    def attempt() -> ResolutionInCheckout:
        with open_checkout(here.workspace, here.git_root, tell) as checkout:
            return _resolve_and_write(request, here, options, checkout)

    return retry_if_changed(attempt)


def _resolve_and_write(
    request: ResolveRequest, here: WorkspaceLocation, options: ResolveOptions, checkout: Checkout | None
) -> ResolutionInCheckout:
    tree = Watched(here.repository().tree)
    repository = Repository(tree)
    check_complete(here, repository)
    head, live = checked_out(here), _known_base(here)
    if live is not None:
        _refuse_behind(request.incident, repository, live)
    bases = {base.commit: base.repository for base in (head, live) if base is not None}
    checked = checked_resolution(request, repository, list(bases.values()), here.prefix, options.now)
    done = ResolutionInCheckout(checked, tree.read(checked.done.path))
    if checked.is_refused:
        return done
    writer = StepWriter(here, tree, checked.done.edits, head.commit if head is not None else None)
    if options.is_commit:
        return replace(done, commit=writer.commit(message(checked.done), checkout))
    if checkout is not None:
        writer.apply(checkout)
    return done


def _known_base(here: WorkspaceLocation) -> Base | None:
    """Return the live branch as it was fetched last; None if there is none, or it has no such workspace."""
    from rollout_spec.workflows.present_base import known_base

    if here.git_root is None:
        return None
    try:
        base = known_base(here, here.git_root)
    except UserError:  # nothing is committed yet, or it requires another version of this tool
        return None
    return base if base.repository.workspace is not None else None


def _refuse_behind(name: str, repository: Repository, live: Base) -> None:
    """UserError if the live branch has an incident that is missing here, or has its resolution already."""
    path, known = incident_paths(live.repository).get(name), incident_paths(repository)
    if path is None:
        if name not in known:
            hint = unknown_hint(name, known, "if it is merged, update the checkout, or use --pull-request")
            raise UserError(f"there is no incident `{excerpt(name)}` in this checkout", hint=hint)
        return
    if repository.tree.read(path) is None:
        hint = "update the checkout, or use --pull-request"
        raise UserError(f"incident {excerpt(name)} is on {live.branch}, but not in this checkout", hint=hint)
    state = record_of(file_at(path, live.repository), live.repository).state
    if state in ENDED and record_of(file_at(path, repository), repository).state not in ENDED:
        raise UserError(
            f"{name} is already resolved as {state} on {live.branch}", hint="update the checkout", status=REFUSED
        )


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
        from rollout_spec.workflows.base_branch import build

        commit = build(self.change, self.base)
        return commit, self.base.git.diff(self.base.commit, commit)

    def open(self, forge: Forge) -> DeliveredChange:
        """Push the branch, and open the pull request or adopt an open one of the same resolution."""
        from rollout_spec.workflows.branch_heads import Built, Heads
        from rollout_spec.workflows.pull_requests import Delivery, deliver

        def rebuilt(own: Base, commit: str) -> Built | None:
            edits = resolve(own.repository, self.request).edits
            return Built({own.path(path): content for path, content in edits.items()}, self.change.branch)

        return deliver(Delivery(self.change, self.base, forge, Heads(self.base, rebuilt), ordered=True))


def resolve_in_pull_request(
    request: ResolveRequest, here: WorkspaceLocation, root: Path, options: ResolveOptions
) -> ResolutionInPullRequest:
    """Resolve an incident on the newest base of the git root. It may be refused, see ``checked``."""
    from rollout_spec.workflows.base_branch import forge_of
    from rollout_spec.workflows.newest import fetch_base

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
    from rollout_spec.workflows.open_branches import incidents_on, open_branches

    for records in incidents_on(base, open_branches(base)).values():
        for each in records:
            if each.name == name:
                raise UserError(
                    f"incident {name} is on the branch {each.branch}, which is not merged",
                    hint="merge its pull request first",
                )
