"""The resolution of an incident in a checkout: written to the working tree, or committed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rollout_spec.core.errors import UserError
from rollout_spec.core.text import excerpt
from rollout_spec.domain.incident_files import file_at
from rollout_spec.domain.incident_records import ENDED, incident_paths, record_of
from rollout_spec.lifecycle.incident_pull_request import message
from rollout_spec.lifecycle.incident_resolution import ResolveRequest, unknown_hint
from rollout_spec.lifecycle.step_result import REFUSED
from rollout_spec.workflows.locate import WorkspaceLocation
from rollout_spec.workflows.resolution_check import CheckedResolution, ResolveOptions, checked_resolution
from rollout_spec.workflows.sparse_checkout import check_complete
from rollout_spec.workflows.step_in_checkout import StepWriter, checked_out, in_checkout
from rollout_spec.workspace.repository import Repository
from rollout_spec.workspace.watched import Watched

if TYPE_CHECKING:
    from rollout_spec.workflows.base_branch import Base
    from rollout_spec.workflows.checkout import Checkout


@dataclass(frozen=True)
class ResolutionInCheckout:
    """A checked resolution, and its files before it. ``commit`` is None if nothing was committed."""

    checked: CheckedResolution
    before: Mapping[str, bytes | None]
    commit: str | None = None


def resolve_in_checkout(
    request: ResolveRequest, here: WorkspaceLocation, options: ResolveOptions, tell: Callable[[str], None]
) -> ResolutionInCheckout:
    """Resolve an incident in the checkout and write it, unless it is refused or this is a dry run."""
    return in_checkout(here, options, lambda checkout: _resolve_and_write(request, here, options, checkout), tell)


def _resolve_and_write(
    request: ResolveRequest, here: WorkspaceLocation, options: ResolveOptions, checkout: Checkout | None
) -> ResolutionInCheckout:
    tree = Watched(here.repository().tree)
    repository = Repository(tree)
    check_complete(here, repository)
    head, live = checked_out(here), _known_base(here)
    if live is not None:
        _refuse_unknown(request.incident, repository, live)
        if head is not None and not live.git.holds(head.commit, live.commit):
            _refuse_resolved(request.incident, live)
    bases = {base.commit: base.repository for base in (head, live) if base is not None}
    checked = checked_resolution(request, repository, list(bases.values()), here.prefix, options.now)
    done = ResolutionInCheckout(checked, {path: tree.read(path) for path in checked.done.edits})
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


def _refuse_unknown(name: str, repository: Repository, live: Base) -> None:
    """UserError if an incident is missing in this checkout."""
    known = incident_paths(repository)
    if name in known:
        return
    if name in incident_paths(live.repository):
        hint = "update the checkout, or use --pull-request"
        raise UserError(f"incident {excerpt(name)} is on {live.branch}, but not in this checkout", hint=hint)
    hint = unknown_hint(name, known, "if it is merged, update the checkout, or use --pull-request")
    raise UserError(f"there is no incident `{excerpt(name)}` in this checkout", hint=hint)


def _refuse_resolved(name: str, live: Base) -> None:
    """UserError if a live branch that is not in this checkout has a resolution of the incident."""
    path = incident_paths(live.repository).get(name)
    state = record_of(file_at(path, live.repository), live.repository).state if path is not None else None
    if state in ENDED:
        raise UserError(
            f"{name} is already resolved as {state} on {live.branch}", hint="update the checkout", status=REFUSED
        )
