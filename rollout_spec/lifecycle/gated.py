"""The conditions of a gated step: its hold, the verdict of the gate, and the approval of a person."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from rollout_spec.core.units import format_duration, format_time
from rollout_spec.domain.judgement.report import GateReport
from rollout_spec.spec.rollout import ModelRollout
from rollout_spec.spec.workspace import Automation


@dataclass(frozen=True)
class Missing:
    """A condition that is not met. ``at`` is the time at which it could be, None if that is unknown."""

    message: str
    at: datetime | None = None

    @property
    def text(self) -> str:
        """The condition in one line, with its time."""
        return f"{self.message}; at {format_time(self.at)} at the earliest" if self.at is not None else self.message


def missing_conditions(report: GateReport) -> tuple[Missing, ...]:
    """Return the conditions of the live stage that are not met. Approvals are those of the next stage."""
    return (*_hold(report), *_verdicts(report))


def missing_approvals(stages: tuple[str, ...], version: str) -> tuple[Missing, ...]:
    """Return the approvals that a step needs. Only the merge of its draft by a person gives them."""
    return tuple(
        Missing(f"{stage} has `approval: manual`: a person must approve {version} by merging its pull request")
        for stage in stages
    )


def merges_itself(rollout: ModelRollout, automation: Automation) -> bool:
    """Return whether a gated step of a rollout may get auto-merge, if no stage needs approval."""
    return rollout.spec.rollback.promote == "auto" and automation.mode == "auto-merge"


def earliest(missing: tuple[Missing, ...]) -> datetime | None:
    """Return the time at which all conditions could be met; None if it is unknown for one."""
    times = [each.at for each in missing if each.at is not None]
    return max(times) if times and len(times) == len(missing) else None


def _hold(report: GateReport) -> Iterator[Missing]:
    hold = report.stage.hold
    if hold is not None and report.since + hold > report.until:
        yield Missing(f"{report.stage.name} is held for {format_duration(hold)}", report.since + hold)


def _verdicts(report: GateReport) -> Iterator[Missing]:
    if report.verdict == "ok":
        return
    if not report.result.triggers:
        yield Missing(f"no trigger is judged in {report.stage.name}, so a person decides")
    for each in report.result.sorted:
        if each.verdict != "ok":
            more = each.judgement.seconds_more if each.verdict == "inconclusive" else None
            at = report.until + timedelta(seconds=round(more)) if more is not None else None
            yield Missing(f"{each.trigger.name} is {each.verdict}: {each.judgement.message}", at)
