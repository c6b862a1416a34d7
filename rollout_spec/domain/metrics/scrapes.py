"""The samples of a counter at the times of their scrapes, and its increase between moments.

Each target is scraped at a time of its own. At any moment the newest sample of one version may be older than that of
the other by almost a whole interval. In a short window that alone looks like a wrong split of the requests. So the
increase between two scrapes is spread evenly over the time between them, and nothing is counted after the time up to
which each target was scraped.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from statistics import median

_MISSED = 2
"""A target that was not scraped for this many intervals is gone, although its last sample is still repeated."""


@dataclass
class Samples:
    """The values of one counter and the times of their scrapes, by moment.

    A value without a time was scraped at the moment.
    """

    values: dict[float, float] = field(default_factory=dict)
    times: dict[float, float] = field(default_factory=dict)

    @cached_property
    def scrapes(self) -> list[tuple[float, float, float]]:
        """The moment, the time and the value of each scrape. A repeated sample is left out."""
        kept: list[tuple[float, float, float]] = []
        for moment in sorted(self.values):
            time = self.times.get(moment, moment)
            if not kept or time > kept[-1][1]:
                kept.append((moment, time, self.values[moment]))
        return kept


def longest_age(counters: Iterable[Samples]) -> float:
    """Return the age up to which a sample is of a target that is still scraped."""
    gaps = [after[1] - before[1] for counter in counters for before, after in pairwise(counter.scrapes)]
    return _MISSED * median(gaps) if gaps else 0.0


def newest(counters: Iterable[Samples], last: float) -> list[float]:
    """Return the time of the newest scrape of each counter that has a sample at the ``last`` moment."""
    return [counter.scrapes[-1][1] for counter in counters if last in counter.values]


def increases(counters: Iterable[Samples], bounds: Sequence[float]) -> list[float]:
    """Return the increase of some counters, all together, from each bound to the next one."""
    sums = [0.0] * (len(bounds) - 1)
    for counter in counters:
        for since, until, increase in _steps(counter, bounds[0]):
            _spread(sums, bounds, since, until, increase)
    return sums


def _steps(counter: Samples, first: float) -> Iterator[tuple[float, float, float]]:
    """Yield the increases of a counter, each with the times between which it was counted.

    A counter that appears after the first moment began at 0.
    """
    before: tuple[float, float] | None = None
    for moment, time, value in counter.scrapes:
        if before is not None:
            yield before[0], time, value - before[1] if value >= before[1] else value
        elif moment > first:
            yield time, time, value
        before = time, value


def _spread(sums: list[float], bounds: Sequence[float], since: float, until: float, increase: float) -> None:
    """Add an increase to the ticks in which it was counted, in proportion to their time."""
    index = max(bisect_left(bounds, since) - 1, 0)
    if since == until:
        index = bisect_left(bounds, until) - 1
        if 0 <= index < len(sums):
            sums[index] += increase
        return
    while index < len(sums) and bounds[index] < until:
        shared = min(until, bounds[index + 1]) - max(since, bounds[index])
        if shared > 0:
            sums[index] += increase * (shared / (until - since))
        index += 1
