"""The query that reads the counters of a trigger, of both versions and at all moments at once."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from rollout_spec.core.units import format_duration
from rollout_spec.domain.metrics import queries
from rollout_spec.domain.metrics.grid import Grid
from rollout_spec.domain.metrics.profiles import Profile
from rollout_spec.domain.metrics.selectors import Arm, Immeasurable
from rollout_spec.spec.triggers import Comparison, Latency, Threshold
from rollout_spec.spec.workspace import Metric

ARM = "rollout_spec_arm"
COUNT = "rollout_spec_count"
"""Labels that the query adds: the version's part in the comparison, and the counter."""
TOTAL, PART = "total", "part"
TIME = "_time"
"""The end of the name of a counter whose values are the times of its scrapes."""

_WINDOW = timedelta(minutes=5)
"""For `{{ window }}` in a selector of a comparison, which has no window."""
_SHORTEST = timedelta(milliseconds=1)
"""The shortest duration that a specification can have."""

ArmName = Literal["stable", "candidate"]
Trigger = Threshold | Latency | Comparison


@dataclass(frozen=True)
class Arms:
    """The compared versions. Without ``stable`` the candidate is judged alone."""

    candidate: Arm
    stable: Arm | None = None

    @property
    def by_name(self) -> dict[ArmName, Arm]:
        """The versions that are counted, by their part in the comparison."""
        named: dict[ArmName, Arm] = {} if self.stable is None else {"stable": self.stable}
        return {**named, "candidate": self.candidate}


@dataclass(frozen=True)
class CountQuery:
    """A query to be evaluated ``at`` a time.

    Its answer has the raw values of the counters of each of the ``versions`` on a ``grid``. If ``is_latency``, the
    partial counter is that of the requests within the bound, in buckets of a histogram. ``totals`` are the selectors
    of all requests.
    """

    promql: str
    grid: Grid
    versions: Mapping[ArmName, str]
    is_latency: bool
    totals: Mapping[ArmName, str] = field(default_factory=dict)

    @property
    def at(self) -> datetime:
        """The time of the evaluation."""
        return self.grid.end


def count_query(trigger: Trigger, profile: Profile, own: Mapping[str, Metric], arms: Arms, grid: Grid) -> CountQuery:
    """Return the query for the counters of a trigger. Immeasurable if nothing can be counted exactly.

    Prometheus' ``increase()`` extrapolates to the ends of its range, so that it is no count. The raw values are one.
    """
    counters = {name: counters_of(trigger, profile, own, arm) for name, arm in arms.by_name.items()}
    if len(set(counters.values())) < len(counters):
        raise Immeasurable(
            "the selectors of the metric count the same requests for both versions: write `{{ version }}` there"
        )
    expressions = (
        f'label_replace(label_replace({value}, "{ARM}", "{name}", "", ""), "{COUNT}", "{count}", "", "")'
        for name, pair in counters.items()
        for counter, selector in ((TOTAL, pair.total), (PART, pair.part))
        for count, value in ((counter, selector), (counter + TIME, f"timestamp({selector})"))
    )
    versions = {name: arm.version for name, arm in arms.by_name.items()}
    totals = {name: pair.total for name, pair in counters.items()}
    promql = f"({' or '.join(expressions)}){grid.subquery}"
    return CountQuery(promql, grid, versions, isinstance(trigger, Latency), totals)


def counters_of(trigger: Trigger, profile: Profile, own: Mapping[str, Metric], arm: Arm) -> queries.Counters:
    """Return the selectors of the counters of a trigger. Immeasurable if nothing can be counted exactly."""
    if isinstance(trigger, Latency):
        if trigger.above not in profile.boundaries:
            raise Immeasurable(_no_boundary(trigger, profile))
        return queries.buckets_at(trigger, profile, arm)
    window = trigger.window if isinstance(trigger, Threshold) else _WINDOW
    return queries.counters(trigger.metric, profile, own, arm, window)


def _no_boundary(trigger: Latency, profile: Profile) -> str:
    boundaries = [boundary for boundary in profile.boundaries if boundary >= _SHORTEST]
    position = bisect(boundaries, trigger.above)
    nearest = " or ".join(map(format_duration, boundaries[max(position - 1, 0) : position + 1]))
    bound = format_duration(trigger.above)
    return f"requests slower than {bound} are not counted: no bucket of {profile.latency} ends there; write {nearest}"
