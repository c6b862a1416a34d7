"""A stage lasts at least as long as its hold: what is wrong with a version shows only with time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from rollout_spec.core.errors import UserError
from rollout_spec.core.units import format_duration, format_time
from rollout_spec.domain.history import Step
from rollout_spec.lifecycle.step_result import REFUSED, StepResult
from rollout_spec.spec.rollout import Live


@dataclass(frozen=True)
class HoldStatus:
    """How long a candidate has been in the stage that it leaves. ``why_not`` says why it may not leave it yet."""

    message: str
    refusal: str | None = None


def needs_hold(taken: StepResult) -> bool:
    """Return whether a step leaves a stage that has a hold."""
    return taken.left_stage is not None and taken.left_stage.hold is not None and taken.before is not None


def stage_entry(taken: StepResult, history: Iterable[Step]) -> Step | None:
    """Return the commit that brought the candidate to the stage that a step leaves; None if none has it there yet.

    ``history`` is the first-parent history of the rollout's file, newest first.
    """
    return _entered(taken.before.spec.live, history) if taken.before is not None else None


def hold_status(
    taken: StepResult, entered: Step | str | None, now: datetime, merged: datetime | None = None
) -> HoldStatus | None:
    """Return how long the stage that a step leaves was held; None if it leaves none, or one without a hold.

    ``entered`` is the ``entry`` of the step, or the reason why it is unknown. It counts from ``merged``, the time of
    its merge on the forge, else from its committer's date, which amending and rebasing renew.
    """
    stage = taken.left_stage
    if stage is None or stage.hold is None or taken.before is None:
        return None
    live, wanted = taken.before.spec.live, format_duration(stage.hold)
    if isinstance(entered, str):
        words = f"nobody knows since when {live.candidate} is in {stage.name}, which is held for {wanted}: {entered}"
        return HoldStatus(words, words)
    if entered is None:
        words = f"{live.candidate} is in {stage.name}, which is held for {wanted}, by no commit yet"
        return HoldStatus(words, words)
    since, who = (merged, "as the forge merged it") if merged else (entered.date, "by its committer's date")
    words = f"{live.candidate} is in {stage.name} since {format_time(since)} (commit {entered.commit[:12]}, {who})"
    left = since + stage.hold - now
    if left > timedelta(0):
        until = format_time(since + stage.hold)
        return HoldStatus(words, f"{words}, which is held for {wanted}: until {until}")
    return HoldStatus(f"{words}, held for {wanted}")


def require_hold(held: HoldStatus | None, forced: str | None) -> None:
    """UserError where the stage was not held long enough, and nobody says why that does not matter."""
    if held is not None and held.refusal is not None and forced is None:
        hint = "wait, or say why not: --force --reason TEXT, which the commit records"
        raise UserError(held.refusal, hint=hint, status=REFUSED)


def _entered(live: Live, history: Iterable[Step]) -> Step | None:
    """Return the commit that brought the candidate to its stage; None where the newest one has it elsewhere."""
    here = (live.candidate, live.stage)
    for step in history:
        if step.after is None or (step.after.candidate, step.after.stage) != here:
            return None
        if step.before is None or (step.before.candidate, step.before.stage) != here:
            return step
    return None
