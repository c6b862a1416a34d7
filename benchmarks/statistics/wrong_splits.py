"""A candidate that receives another share of the requests than planned."""

from __future__ import annotations

from alarms import Alarm, Plan, any_time, checked_split, event_split, wrong_split
from outcomes import outcomes, table
from traffic import Traffic

TITLE = "A wrong split: 5% planned"
SHARES = (0.05, 0.0525, 0.055, 0.06, 0.04)
TESTS: dict[str, Alarm] = {
    "split of the failures": event_split,
    "split of the failures, if that of the requests is right": checked_split,
    "any time": any_time,
    "the split of the requests is wrong": wrong_split,
}


def measure(runs: int) -> str:
    """Return the table: false alarms by the real share."""
    plan = Plan(Traffic().requests)
    columns = [outcomes(Traffic(share=share), runs, 400 + i, TESTS, plan=plan) for i, share in enumerate(SHARES)]
    rows = [[name, *(column[name].share for column in columns)] for name in TESTS]
    return table(["test", *(f"really {share * 100:g}%" for share in SHARES)], rows)
