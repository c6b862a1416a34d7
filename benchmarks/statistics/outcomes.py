"""The outcome of tests over many runs, and tables of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import alarms
from alarms import Alarm, Plan
from traffic import Traffic, simulate

from rollout_spec.domain.statistics.counts import Tick

TESTS: dict[str, Alarm] = {
    "z-test, read 60 times": alarms.naive,
    "z-test, one look at the end": alarms.one_look,
    "O'Brien-Fleming": alarms.planned_end,
    "any time": alarms.any_time,
    "any time, for the planned requests": alarms.any_time_of_plan,
    "split of the failures": alarms.event_split,
    "split of the failures, onset": alarms.event_split_with_onset,
    "2% against 5%": alarms.plain_product,
    "2% against 5%, onset": alarms.with_onset,
    "above 5%, onset": alarms.above_bound,
    "raw rate above 5%, 300 requests": alarms.raw_rate,
}


@dataclass(frozen=True)
class Outcome:
    """The seconds to the first alarm of each run; None without an alarm."""

    alarms: Sequence[float | None]

    @property
    def share(self) -> str:
        """The share of runs with an alarm."""
        return f"{sum(alarm is not None for alarm in self.alarms) / len(self.alarms):.1%}"

    @property
    def delay(self) -> str:
        """The mean and the ninth decile of the delays."""
        delays = sorted(alarm for alarm in self.alarms if alarm is not None)
        return f"{sum(delays) / len(delays):.0f} s, {delays[int(len(delays) * 0.9)]:.0f} s" if delays else "-"

    def since(self, seconds: float) -> Outcome:
        """Return the runs without an alarm before a moment, from that moment on."""
        later = [alarm for alarm in self.alarms if alarm is None or alarm > seconds]
        return Outcome([alarm and alarm - seconds for alarm in later])


def outcomes(
    traffic: Traffic,
    runs: int,
    seed: int,
    tests: Mapping[str, Alarm] = TESTS,
    *,
    plan: Plan | None = None,
    learn: Callable[[Sequence[Tick], int, Plan], Plan] | None = None,
    warm_up: int = 0,
) -> dict[str, Outcome]:
    """Return the outcome of each test.

    ``warm_up`` is the number of reads that are left out. ``learn`` adds to the plan the facts of a run, from its ticks
    and the number of those that are left out.
    """
    plan = plan or Plan(traffic.requests, ticks_of_read=traffic.ticks_of_read)
    found: dict[str, list[float | None]] = {name: [] for name in tests}
    for ticks in simulate(traffic, runs, seed):
        left_out = warm_up * traffic.ticks_of_read
        judged = ticks[left_out:]
        own = learn(ticks, left_out, plan) if learn else plan
        for name, alarm in tests.items():
            read = next((index for index, flag in enumerate(alarm(judged, own), start=1) if flag), None)
            found[name].append(None if read is None else read * traffic.seconds)
    return {name: Outcome(delays) for name, delays in found.items()}


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
