"""Failures that come in bursts, as they are and divided by the design effect of stable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from alarms import Alarm, Plan, any_time, event_split, planned_end, reads_of, with_onset
from outcomes import outcomes, table
from traffic import Traffic

from rollout_spec.domain.statistics.counts import Tick
from rollout_spec.domain.statistics.design_effect import estimate

TITLE = "Bursts"
TESTS: dict[str, Alarm] = {
    "O'Brien-Fleming": planned_end,
    "any time": any_time,
    "split of the failures": event_split,
    "2% against 5%, onset": with_onset,
}
BURSTS: dict[str, dict[str, Any]] = {
    "none": {},
    "retries, 1.4": {"retries": 1.2},
    "retries, 2.5": {"retries": 1.75},
    "flapping, 1.4": {"correlation": 0.005},
    "flapping, 2.5": {"correlation": 0.02},
}
"""Two kinds: repeated failures, which are as frequent in both versions; and a rate that differs at each read."""
KNOWN = 60
"""Reads of stable before the stage, from which its design effect can be known."""
PLAN = Plan(Traffic().requests)


def measure(runs: int) -> str:
    """Return the table: false alarms as they are and corrected, and the delay of the corrected test."""
    rows = []
    for number, (burst, fields) in enumerate(BURSTS.items()):
        seed, failing = 300 + 10 * number, [0.02] * KNOWN + [0.08] * 60
        plain = outcomes(Traffic(**fields), runs, seed, TESTS)
        begun = outcomes(Traffic(**fields), runs, seed, TESTS, learn=corrected)
        known = Traffic(reads=60 + KNOWN, **fields)
        longer = outcomes(known, runs, seed, TESTS, plan=PLAN, learn=corrected, warm_up=KNOWN)
        late = outcomes(
            replace(known, candidate=failing), runs, seed + 1, TESTS, plan=PLAN, learn=corrected, warm_up=KNOWN
        )
        for name in TESTS:
            shares = [each[name].share for each in (plain, begun, longer, late)]
            rows.append([burst, name, *shares, late[name].delay])
    head = [
        "bursts",
        "test",
        "2% and 2%",
        "corrected",
        "known before",
        "8% and 2%, known before",
        "mean, 9 of 10 within",
    ]
    return table(head, rows)


def corrected(ticks: Sequence[Tick], left_out: int, plan: Plan) -> Plan:
    """Return a plan with the design effect of stable at each read, from all ticks up to then."""
    stable = [tick.stable for tick in ticks]
    reads = reads_of(ticks[left_out:], plan)
    return replace(plan, effects=[estimate(stable[: left_out + read + 1]) for read in reads])
