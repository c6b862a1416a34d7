"""The power of the two comparisons of a metric of users: with a planned end, and without one."""

from __future__ import annotations

from alarms import Alarm, Plan, any_time, any_time_of_plan, planned_end
from outcomes import outcomes, table
from traffic import Traffic

from rollout_spec.domain.statistics.normal import quantile
from rollout_spec.domain.statistics.obrien_fleming import drift_for
from rollout_spec.domain.statistics.proportions import sample_size

TITLE = "Power of a comparison over 60 reads"
LOST, MORE_LOST = 0.9, 0.905
TESTS: dict[str, Alarm] = {
    "O'Brien-Fleming": planned_end,
    "any time": any_time,
    "any time, for the planned requests": any_time_of_plan,
}


def measure(runs: int) -> str:
    """Return the table: 10% of the users buy in one version, and 9.5% in the other."""
    single = sample_size(LOST, MORE_LOST, 1, 0.05, 0.8)
    longer = (drift_for(0.8, 0.05) / (quantile(0.95) + quantile(0.8))) ** 2
    columns = []
    for number, factor in enumerate((longer, 1.5, 2.0)):
        users = 2 * factor * single
        for rate in (LOST, MORE_LOST):
            traffic = Traffic(rate, LOST, share=0.5, per_second=users / 60 / 15, ticks_of_read=1)
            plan = Plan(users, share=0.5, ticks_of_read=1)
            columns.append(outcomes(traffic, runs, 600 + number, TESTS, plan=plan))
    rows = [[name, *(column[name].share for column in columns)] for name in TESTS]
    sizes = [f"{factor * single:,.0f}: {which}" for factor in (longer, 1.5, 2.0) for which in ("equal", "worse")]
    return table(["test", *sizes], rows)
