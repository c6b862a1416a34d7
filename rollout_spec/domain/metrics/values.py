"""Metrics that are values: the query of a threshold over the time of a breach, and its verdict.

The values of a monitor have no sample size, so no statistics apply: all of them are beyond the bound, none, or some.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from rollout_spec.core.series import Series
from rollout_spec.core.units import format_duration
from rollout_spec.domain.metrics import queries
from rollout_spec.domain.metrics.grid import Grid, clock, grid
from rollout_spec.domain.metrics.selectors import Arm
from rollout_spec.spec.triggers import Threshold
from rollout_spec.spec.workspace import Value

_PARTS = 20


@dataclass(frozen=True)
class ValueQuery:
    """A query to be evaluated ``at`` a time, for the values of a metric on a ``grid``."""

    promql: str
    grid: Grid
    trigger: Threshold

    @property
    def at(self) -> datetime:
        """The time of the evaluation."""
        return self.grid.end


@dataclass(frozen=True)
class ValueReading:
    """A verdict with its reason.

    ``worst`` is the value that is nearest to a breach, or the farthest beyond it.
    """

    verdict: Literal["breach", "ok", "inconclusive", "no-data"]
    reason: str
    worst: float | None = None


def value_query(trigger: Threshold, metric: Value, arm: Arm, start: datetime, end: datetime) -> ValueQuery | None:
    """Return the query for the values of a metric before ``end``.

    It covers the time of ``for``, else the window; None if that began before ``start``. Immeasurable if Prometheus does
    not accept the window.
    """
    length = trigger.for_ or trigger.window
    step = max(1, math.ceil(length.total_seconds() / _PARTS))
    last = math.floor(end.timestamp() / step) * step
    first = last - max(1, math.ceil(length.total_seconds() / step)) * step
    if first < start.timestamp():
        return None
    window = Grid(start.timestamp(), first, last, step)
    return ValueQuery(f"({queries.vector(metric, arm, trigger.window)}){window.subquery}", window, trigger)


def read_value(query: ValueQuery, series: Sequence[Series]) -> ValueReading:
    """Return the verdict of an answer.

    With several series, such as one for each replica, the worst value counts.
    """
    window, trigger = query.grid, query.trigger
    times = range(window.first, window.last + 1, window.step)
    moments: dict[float, list[float]] = {float(time): [] for time in times}
    for each in series:
        for time, value in each.samples:
            if time not in moments:
                return _no_data(
                    f"{trigger.metric} has a sample at {time:.0f} seconds since 1970, outside of the window"
                )
            if not math.isfinite(value):
                return _no_data(f"{trigger.metric} is {value:g} at {clock(time)}")
            moments[time].append(value)
    missing = [time for time, values in moments.items() if not values]
    if missing:
        return _no_data(f"{trigger.metric} has no value at {clock(missing[0])}")
    return _verdict(trigger, list(moments.values()), window)


def history_query(
    trigger: Threshold, metric: Value, arm: Arm, start: datetime, end: datetime, hold: timedelta | None
) -> ValueQuery | None:
    """Return the query for all values of a metric since ``start``; None if too little time has passed."""
    whole = grid(start, end, hold)
    if whole is None:
        return None
    return ValueQuery(f"({queries.vector(metric, arm, trigger.window)}){whole.subquery}", whole, trigger)


def breached_after(query: ValueQuery, series: Sequence[Series]) -> float:
    """Return the seconds from the start of a history to its last breach, which goes on.

    A later look at the same breach gives the same time. It is when all values of ``for``, or of the window, were beyond
    the bound for the first time since a value was within it, missing or no number.
    """
    moments, trigger = query.grid, query.trigger
    values: dict[float, list[float]] = {}
    for each in series:
        for time, value in each.samples:
            values.setdefault(time, []).append(value)
    first = moments.last
    while _is_beyond(trigger, values.get(float(first), [])) and first >= moments.first:
        first -= moments.step
    length = (trigger.for_ or trigger.window).total_seconds()
    return min(first + moments.step + length, moments.last) - moments.start


def _is_beyond(trigger: Threshold, values: Sequence[float]) -> bool:
    bound = trigger.above or trigger.below
    assert bound is not None
    if not values or not all(map(math.isfinite, values)):
        return False
    return max(values) > bound.number if trigger.above is not None else min(values) < bound.number


def _verdict(trigger: Threshold, moments: Sequence[Sequence[float]], window: Grid) -> ValueReading:
    bound = trigger.above or trigger.below
    assert bound is not None
    number = float(bound.number)
    if trigger.above is not None:
        worst = [max(values) for values in moments]
        beyond, extreme, side = sum(value > number for value in worst), max(worst), "above"
    else:
        worst = [min(values) for values in moments]
        beyond, extreme, side = sum(value < number for value in worst), min(worst), "below"
    length = format_duration(timedelta(seconds=window.last - window.first))
    text = f"{trigger.metric} was {side} {number:g}"
    if beyond == len(worst):
        return ValueReading("breach", f"{text} for {length}, the worst value is {extreme:g}", extreme)
    if not beyond:
        return ValueReading("ok", f"{trigger.metric} was never {side} {number:g} in {length}", extreme)
    return ValueReading("inconclusive", f"{text} at {beyond} of {len(worst)} moments in {length}", extreme)


def _no_data(reason: str) -> ValueReading:
    return ValueReading("no-data", reason)
