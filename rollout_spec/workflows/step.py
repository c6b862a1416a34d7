"""Lifecycle steps: prepared and checked in memory, then opened as a pull request."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rollout_spec.checks.runner import is_sound
from rollout_spec.core.errors import UserError
from rollout_spec.core.pull_request import ProposedChange
from rollout_spec.domain.pins import UnsatisfiedPin, unrestorable_pins
from rollout_spec.integrations.forges import Forge
from rollout_spec.lifecycle import (
    HoldStatus,
    Request,
    StepResult,
    apply_step,
    hold_status,
    needs_hold,
    rendered,
    stage_entry,
)
from rollout_spec.lifecycle.gated import merges_itself
from rollout_spec.lifecycle.hold import require_hold
from rollout_spec.lifecycle.steps import ForeignFileError
from rollout_spec.spec.workspace import ForgeSettings as ForgeSettings
from rollout_spec.workflows.base_branch import Base
from rollout_spec.workflows.branch_heads import Built, Heads
from rollout_spec.workflows.merge_times import MergedAt
from rollout_spec.workflows.open_step import refuse_other
from rollout_spec.workflows.pull_requests import DeliveredChange, Delivery, deliver
from rollout_spec.workflows.step_check import StepCheck, check_step
from rollout_spec.workspace.repository import Repository


@dataclass(frozen=True)
class PreparedStep:
    """A step with its check. ``held`` describes the hold of the stage that it leaves.

    ``awaited`` are the pins of a new version that are not satisfied yet.
    """

    result: StepResult
    held: HoldStatus | None
    check: StepCheck
    awaited: tuple[UnsatisfiedPin, ...] = ()

    @property
    def is_refused(self) -> bool:
        """Return whether the step must not be taken."""
        return bool(self.check.refused or self.check.why)


def decide(
    request: Request,
    repository: Repository,
    base: Base | None,
    *,
    now: datetime,
    prefix: str = "",
    forced: str | None = None,
    merged_at: MergedAt | None = None,
) -> PreparedStep:
    """Apply a step in memory and check it. ``base`` is the commit before it; None if there is none yet.

    ``forced`` is the reason for skipping a hold; ``merged_at`` asks the forge. UserError if a name is unknown, or the
    step is not possible yet.
    """
    result = apply_step(repository, request)
    hold = _held(result, base, now, merged_at)
    require_hold(hold, forced)
    before = base.repository if base is not None else None
    complete, error = _rendered(result, repository)
    step_check = check_step(complete, repository, base=before, prefix=prefix, now=now)
    if error is not None and not (step_check.refused or step_check.why):
        raise error
    awaited = unrestorable_pins(complete.after, complete.version, repository) if complete.name == "record" else ()
    return PreparedStep(complete, hold, step_check, tuple(awaited))


def _rendered(result: StepResult, repository: Repository) -> tuple[StepResult, UserError | None]:
    """Add the manifests to a step.

    Return the error too if they cannot be rendered: its check may explain it.
    """
    after = repository.edited(result.edits)
    file = after.rollout(result.rollout)
    if file is None or not is_sound(file, after):
        return result, None
    try:
        return rendered(result, repository), None
    except ForeignFileError:
        raise
    except UserError as error:
        return result, error


def _held(result: StepResult, base: Base | None, now: datetime, merged_at: MergedAt | None) -> HoldStatus | None:
    if not needs_hold(result):
        return None
    if base is None:
        return hold_status(result, "there is no commit that says so", now)
    if base.git.is_shallow():
        return hold_status(result, "this clone is shallow: its history ends too early", now)
    entered = stage_entry(result, base.history(result.path))
    return hold_status(result, entered, now, merged_at(entered.commit) if entered and merged_at else None)


def open_pull_request(
    change: ProposedChange, base: Base, forge: Forge, request: Request, since: datetime | None = None
) -> DeliveredChange:
    """Push the branch of a step and open its pull request, or adopt an open one of the same change.

    A step may be repeated later: a branch with a merged or closed pull request is followed by ``-2``, ``-3`` ….
    ClosedByPersonError if a person closed it after ``since``; None if a person takes the step.
    """

    def rebuilt(own: Base, commit: str) -> Built | None:
        repository = own.repository
        result = rendered(apply_step(repository, request), repository)
        edits = {own.path(path): content for path, content in result.edits.items()}
        before, is_gated = result.before, since is not None and not result.needs_approval
        is_automatic = is_gated and before is not None and merges_itself(before, own.automation)
        return Built(edits, change.branch, merges_itself=is_automatic)

    heads = Heads(base, rebuilt)
    if since is None:
        refuse_other(change, base, forge, heads, "step")
    return deliver(Delivery(change, base, forge, heads, ordered=since is None, observed=since))
