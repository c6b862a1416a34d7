"""A candidate that fails only after a long healthy time."""

from __future__ import annotations

from outcomes import TESTS, outcomes, table
from traffic import Traffic

TITLE = "A failure that begins late"
HEALTHY = (0, 20, 134)
"""Reads before the failure. At 75 requests each, 134 are 10,000 requests to the candidate."""
FAILING = 106


def measure(runs: int) -> str:
    """Return the table: from the start of the failure to the alarm, in runs without an alarm before."""
    tests = {name: alarm for name, alarm in TESTS.items() if "z-test" not in name}
    columns = []
    for reads in HEALTHY:
        rates = [0.02] * reads + [0.08] * FAILING
        traffic = Traffic(candidate=rates, reads=len(rates), ticks_of_read=1)
        found = outcomes(traffic, runs, 500 + reads, tests)
        columns.append({name: outcome.since(reads * traffic.seconds) for name, outcome in found.items()})
    rows = [[name, *(cell for own in columns for cell in (own[name].share, own[name].delay))] for name in tests]
    head = [cell for reads in HEALTHY for cell in (f"after {reads * 75:,}", "mean, 9 of 10 within")]
    return table(["test", *head], rows)
