"""The hold of a stage: the time that a candidate must spend in it before it leaves."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from rollout_spec.core.errors import UserError
from rollout_spec.core.units import format_duration, format_time
from rollout_spec.domain.history import Step
from rollout_spec.lifecycle.step_result import REFUSED, StepResult
from rollout_spec.spec.rollout import Live


@dataclass(frozen=True)
class HoldStatus:
    """The time that a candidate has spent in a stage. ``refusal`` is None if the candidate may leave it."""

    message: str
    refusal: str | None = None


def needs_hold(step: StepResult) -> bool:
    """Return whether a step leaves a stage that has a hold."""
    return step.left_stage is not None and step.left_stage.hold is not None and step.before is not None


def stage_entry(step: StepResult, history: Iterable[Step]) -> Step | None:
    """Return the commit that moved the candidate to the stage that a step leaves.

    None if it is not committed. ``history`` is the first-parent history of the rollout's file, newest first.
    """
    return entry_commit(step.before.spec.live, history) if step.before is not None else None


def hold_status(
    step: StepResult, entered: Step | str | None, now: datetime, merged: datetime | None = None
) -> HoldStatus | None:
    """Return the hold of the stage that a step leaves. None if it leaves no stage, or one without a hold.

    ``entered`` is the ``stage_entry`` of the step, or the reason why it is unknown. The hold begins at ``merged``, the
    merge on the forge, or else at the committer date, which amending and rebasing renew.
    """
    stage = step.left_stage
    if stage is None or stage.hold is None or step.before is None:
        return None
    candidate, hold = step.before.spec.live.candidate, format_duration(stage.hold)
    if entered is None or isinstance(entered, str):
        reason = entered or "the change is not committed"
        message = f"cannot tell when {candidate} entered {stage.name}, which is held for {hold}: {reason}"
        return HoldStatus(message, message)
    since, source = (merged, "merge time on the forge") if merged else (entered.date, "committer date")
    message = f"{candidate} entered {stage.name} at {format_time(since)} ({source} of commit {entered.commit[:12]})"
    end = since + stage.hold
    if end > now:
        return HoldStatus(message, f"{message}, but the stage is held for {hold}, until {format_time(end)}")
    return HoldStatus(f"{message}, and its hold of {hold} is over")


def require_hold(held: HoldStatus | None, forced: str | None) -> None:
    """UserError if the stage was not held long enough, unless ``forced`` gives a reason."""
    if held is not None and held.refusal is not None and forced is None:
        hint = "wait, or use --force --reason TEXT; the commit records the reason"
        raise UserError(held.refusal, hint=hint, status=REFUSED)


def entry_commit(live: Live, history: Iterable[Step]) -> Step | None:
    """Return the commit that moved the candidate to its stage. None if the newest commit has it elsewhere."""
    place = (live.candidate, live.stage)
    for step in history:
        if step.after is None or (step.after.candidate, step.after.stage) != place:
            return None
        if step.before is None or (step.before.candidate, step.before.stage) != place:
            return step
    return None
