"""A step is decided and proven on one tree, then written: into the working tree, a commit, or a pull request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from rollout_spec.checks.runner import is_sound
from rollout_spec.core.errors import UserError
from rollout_spec.core.pull_request import ProposedChange
from rollout_spec.integrations.forges import Forge
from rollout_spec.lifecycle import Held, Request, StepResult, apply_step, entry, held, needs_hold, rendered
from rollout_spec.lifecycle.hold import check_held
from rollout_spec.spec.workspace import ForgeSettings as ForgeSettings
from rollout_spec.workflows.base_branch import Base, authorize, forge_of, live_branch
from rollout_spec.workflows.branch_heads import Built, Heads
from rollout_spec.workflows.checkout import open_checkout
from rollout_spec.workflows.pull_requests import DeliveredChange, Delivery, deliver
from rollout_spec.workflows.step_check import StepCheck, check_step
from rollout_spec.workspace.repository import Repository

MergedAt = Callable[[str], datetime | None]
"""Asks the forge when a commit was merged into the base; None if it does not know."""


@dataclass(frozen=True)
class PreparedStep:
    """A step that may be taken, or ``proof`` of why not. ``held`` is about the stage that it leaves."""

    taken: StepResult
    held: Held | None
    proof: StepCheck

    @property
    def is_refused(self) -> bool:
        """Would it bring what no change may bring?"""
        return bool(self.proof.refused or self.proof.why)


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
    """Take a step in memory. ``base`` is the commit that it comes after; None if there is none yet.

    ``forced`` is why a stage need not be held; ``merged_at`` asks the forge. UserError if what is named is unknown,
    or the step cannot be taken yet.
    """
    taken = apply_step(repository, request)
    waited = _held(taken, base, now, merged_at)
    check_held(waited, forced)
    before = base.repository if base is not None else None
    full, failed = _rendered(taken, repository)
    proof = check_step(full, repository, base=before, prefix=prefix, now=now)
    if failed is not None and not (proof.refused or proof.why):
        raise failed
    return PreparedStep(full, waited, proof)


def _rendered(taken: StepResult, repository: Repository) -> tuple[StepResult, UserError | None]:
    """Add the manifests to a step; if they cannot be rendered return why, for its check may say more."""
    after = repository.edited(taken.edits)
    file = after.rollout(taken.rollout)
    if file is None or not is_sound(file, after):
        return taken, None
    try:
        return rendered(taken, repository), None
    except UserError as error:
        return taken, error


def _held(taken: StepResult, base: Base | None, now: datetime, merged_at: MergedAt | None) -> Held | None:
    if not needs_hold(taken):
        return None
    if base is None:
        return held(taken, "there is no commit that says so", now)
    if base.git.is_shallow():
        return held(taken, "this clone is shallow, and its history ends too early", now)
    entered = entry(taken, base.history(taken.path))
    return held(taken, entered, now, merged_at(entered.commit) if entered and merged_at else None)


def merge_times(base: Base, settings: ForgeSettings | None, tell: Callable[[str], None]) -> MergedAt | None:
    """Return what asks the forge when a commit was merged; None if there is none. ``tell`` is told why it is silent.

    It is asked when a hold needs it, and not before.
    """
    if settings is None:
        return None

    def merged_at(commit: str) -> datetime | None:
        remote = base.git.remote(settings.remote)
        if remote is None:
            return None
        try:
            authorize(base.git, remote, settings)
            return forge_of(base, settings).merged_at(commit, live_branch(remote, settings))
        except UserError as error:
            tell(f"nobody asked the forge when {commit[:12]} was merged: {error.message}")
            return None

    return merged_at


def write_all(root: Path, edits: Mapping[str, bytes | None]) -> None:
    """Write files by their paths below a folder, or none of them. UserError if the disk refuses."""
    with open_checkout(root, None, lambda message: None) as checkout:
        checkout.apply(edits, {})


def open_pull_request(change: ProposedChange, base: Base, forge: Forge, request: Request) -> DeliveredChange:
    """Push the branch of a step and open its pull request, or adopt the open one that this process would build too.

    A step may be taken again later, so that a branch whose pull request has ended is followed by ``-2``, ``-3`` ….
    """

    def rebuilt(own: Base, commit: str) -> Built | None:
        repository = own.repository
        taken = rendered(apply_step(repository, request), repository)
        return Built({own.path(path): content for path, content in taken.edits.items()}, change.branch)

    return deliver(Delivery(change, base, forge, Heads(base, rebuilt), ordered=True))
