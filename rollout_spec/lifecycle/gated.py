"""The conditions of a gated step: its hold, the verdict of the gate, and the approval of a person."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from rollout_spec.core.text import join_some
from rollout_spec.core.units import format_duration, format_time
from rollout_spec.domain.judgement.report import GateReport
from rollout_spec.domain.judgement.stage import TriggerVerdict
from rollout_spec.domain.judgement.verdicts import Verdict
from rollout_spec.spec.rollout import ModelRollout
from rollout_spec.spec.workspace import Automation

_MOST_NAMED = 8


@dataclass(frozen=True)
class Missing:
    """A condition that is not met.

    ``at`` is the time at which it could be, None if that is unknown. ``is_estimate``: if the requests go on as so far.
    """

    message: str
    at: datetime | None = None
    is_estimate: bool = False

    @property
    def text(self) -> str:
        """The condition in one line, with its time."""
        if self.at is None:
            return self.message
        time = format_time(self.at)
        return (
            f"{self.message}; {f'about {time} if it goes on so' if self.is_estimate else f'at {time} at the earliest'}"
        )


def missing_conditions(report: GateReport) -> tuple[Missing, ...]:
    """Return the conditions of the live stage that are not met. Approvals are those of the next stage.

    Those that time alone does not change come first: there are no data, or the requests are split wrongly.
    """
    verdicts = tuple(_verdicts(report))
    stuck = tuple(each for each, verdict in verdicts if verdict in ("no-data", "invalid") and each.at is None)
    return (*stuck, *_hold(report), *(each for each, _ in verdicts if each not in stuck))


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


def _verdicts(report: GateReport) -> Iterator[tuple[Missing, Verdict]]:
    """Yield a condition for each verdict that is not ok.

    Triggers with the same verdict and reason share one.
    """
    if not report.result.triggers:
        yield Missing(f"no trigger is judged in {report.stage.name}, so a person decides"), "inconclusive"
    alike: dict[tuple[Verdict, str], list[TriggerVerdict]] = {}
    for each in report.result.sorted:
        if each.verdict != "ok":
            alike.setdefault((each.verdict, each.judgement.message), []).append(each)
    for (verdict, message), triggers in alike.items():
        first, *others = (each.trigger.name for each in triggers)
        more = triggers[0].judgement.seconds_more
        at = report.until + timedelta(seconds=round(more)) if more is not None else None
        same = f"; the same for {join_some(others, _MOST_NAMED)}" if others else ""
        yield Missing(f"{first} is {verdict}: {message}{same}", at, is_estimate=verdict == "inconclusive"), verdict
