"""The verdicts of the gate: each trigger is judged every minute, as `rollout-spec gate` would."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from disturbances import COLD, DRIFT, OUTAGE
from outcomes import table
from traffic import Traffic, simulate

from rollout_spec.domain.judgement.arms import Arms
from rollout_spec.domain.judgement.comparisons import judge_comparison
from rollout_spec.domain.judgement.moments import Plan
from rollout_spec.domain.judgement.rates import RateBound, judge_rate
from rollout_spec.domain.judgement.verdicts import Judgement
from rollout_spec.domain.statistics.counts import Tick

TITLE = "The verdicts of the gate"
ARMS = Arms("41", "42", 0.05, has_control=True)
PLAN = Plan("failures", drop=0.2, alpha=0.05, good="down")
HELD = Plan("failures", drop=0.2, alpha=0.05, good="down", horizon=900)


@dataclass(frozen=True)
class Situation:
    """Traffic, and the reads at its start that the warm-up leaves out."""

    name: str
    traffic: Traffic
    warm_up: int = 0


SITUATIONS = (
    Situation("2% and 2%", Traffic()),
    Situation("0.1% and 0.1%", Traffic(0.001, 0.001)),
    Situation("2.4% and 2%: 20% more", Traffic(0.024)),
    Situation("3% and 2%", Traffic(0.03)),
    Situation("5% and 2%: at the bound", Traffic(0.05)),
    Situation("8% and 2%", Traffic(0.08)),
    Situation("8% from the middle on", Traffic([0.02] * 30 + [0.08] * 30)),
    Situation("outage of both", Traffic(OUTAGE, OUTAGE)),
    Situation("drift of both", Traffic(DRIFT, DRIFT)),
    Situation("cold start", Traffic(COLD)),
    Situation("cold start left out", Traffic(COLD), 4),
    Situation("retries, 1.4", Traffic(retries=1.2)),
    Situation("retries, 2.5", Traffic(retries=1.75)),
    Situation("flapping, 1.4", Traffic(correlation=0.005)),
    Situation("flapping, 2.5", Traffic(correlation=0.02)),
    Situation("6% of the requests", Traffic(share=0.06)),
    Situation("a tenth of the load at first", Traffic(load=[0.1] * 30 + [1.9] * 30)),
)

Judge = Callable[[Sequence[Tick]], Judgement]
JUDGES: dict[str, Judge] = {
    "threshold": lambda ticks: judge_rate(ticks, ARMS, RateBound(0.05, 300, 0.05)),
    "failures": lambda ticks: judge_comparison(ticks, ARMS, PLAN, is_failure=True),
    "with a hold": lambda ticks: judge_comparison(ticks, ARMS, HELD, is_failure=False),
    "any time": lambda ticks: judge_comparison(ticks, ARMS, PLAN, is_failure=False),
}
MINUTE = 4
"""Reads of the traffic in the time between two verdicts."""


def measure(runs: int) -> str:
    """Return the table: the runs with a breach in any minute, and those with ok in the last one."""
    rows = [_row(situation, runs, 700 + number) for number, situation in enumerate(SITUATIONS)]
    return table(["situation", *(cell for name in JUDGES for cell in (name, f"{name}: ok"))], rows)


def _row(situation: Situation, runs: int, seed: int) -> list[str]:
    cells = [situation.name]
    simulated = list(simulate(situation.traffic, runs, seed))
    for judge in JUDGES.values():
        found = [_judged(ticks, judge, situation) for ticks in simulated]
        breaches = [seconds for seconds, _ in found if seconds is not None]
        after = f", {sum(breaches) / len(breaches):.0f} s" if len(breaches) > runs / 2 else ""
        cells += [f"{len(breaches) / runs:.1%}{after}", f"{sum(is_ok for _, is_ok in found) / runs:.0%}"]
    return cells


def _judged(ticks: Sequence[Tick], judge: Judge, situation: Situation) -> tuple[float | None, bool]:
    """Return the time of the breach, and whether the last verdict is ok."""
    size = situation.traffic.ticks_of_read
    began = situation.warm_up * situation.traffic.seconds
    judged = [Tick(tick.seconds - began, tick.stable, tick.candidate) for tick in ticks[situation.warm_up * size :]]
    for end in range(MINUTE * size, len(judged) + 1, MINUTE * size):
        judgement = judge(judged[:end])
        if judgement.verdict == "breach":
            return judgement.breached_after, False
    return None, judgement.verdict == "ok"
