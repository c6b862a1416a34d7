"""False alarms of equal versions, and the time to the alarm if the candidate fails more often."""

from __future__ import annotations

from outcomes import TESTS, outcomes, table
from traffic import Traffic

TITLE = "Equal versions, and a failing candidate"


def measure(runs: int) -> str:
    """Return the table: 5 requests a second to the candidate, read every 15 seconds for 15 minutes."""
    equal = outcomes(Traffic(), runs, 101)
    failing = outcomes(Traffic(candidate=0.08), runs, 102)
    slightly = outcomes(Traffic(candidate=0.03), runs, 103)
    rows = [[name, equal[name].share, failing[name].share, failing[name].delay, slightly[name].share] for name in TESTS]
    return table(["test", "2% and 2%", "8% and 2%", "mean, 9 of 10 within", "3% and 2%"], rows)
