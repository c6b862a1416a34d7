"""Disturbances that are not the candidate's fault: a shared outage, a shared drift, and a cold start."""

from __future__ import annotations

from outcomes import TESTS, outcomes, table
from traffic import Traffic

TITLE = "Disturbances that are no fault of the candidate"
OUTAGE = [0.02] * 20 + [0.08] * 12 + [0.02] * 28
DRIFT = [0.01 + 0.05 * read / 60 for read in range(60)]
COLD = [0.1] * 4 + [0.02] * 56


def measure(runs: int) -> str:
    """Return the table of false alarms."""
    columns = [
        outcomes(Traffic(OUTAGE, OUTAGE), runs, 201),
        outcomes(Traffic(DRIFT, DRIFT), runs, 202),
        outcomes(Traffic(COLD), runs, 203),
        outcomes(Traffic(COLD), runs, 203, warm_up=4),
    ]
    rows = [[name, *(column[name].share for column in columns)] for name in TESTS]
    return table(["test", "outage of both", "drift of both", "cold start", "cold start left out"], rows)
