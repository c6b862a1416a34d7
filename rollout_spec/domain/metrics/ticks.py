"""Raw values of counters, read as ticks: the requests and events of both versions between two moments.

A counter only grows, until its process starts again from 0. So a value below the one before it is a reset, and all of
it was counted since (https://prometheus.io/docs/prometheus/latest/querying/functions/#resets). A counter that
appears while its version was already scraped began at 0: a replica that was added, or the first failure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise

from rollout_spec.core.series import Series
from rollout_spec.core.text import excerpt
from rollout_spec.core.units import format_duration
from rollout_spec.domain.metrics.counts import ARM, COUNT, PART, TIME, TOTAL, ArmName, CountQuery
from rollout_spec.domain.metrics.grid import clock
from rollout_spec.domain.metrics.scrapes import Samples, increases, longest_age, newest
from rollout_spec.domain.statistics.counts import Counts, Tick

MOST_MISSING = 0.1
"""The share of the window for which a version may have no samples."""
_OLDEST = 3600.0
"""The age of a sample in seconds that no server repeats."""
_LOOKBACK = 300
"""The age in seconds up to which Prometheus finds a sample at a moment, unless it is set up otherwise."""
_LONGEST_SELECTOR = 200
_LARGEST = 2.0**53
"""The largest counter that a float holds exactly. The sums of much larger ones overflow."""
_MOST_SURPLUS = 0.01
"""The share by which events may exceed their total, if two exporters are scraped at different moments."""

_Identity = frozenset[tuple[str, str]]
_Counter = dict[_Identity, Samples]


class _UselessError(ValueError):
    """Samples from which nothing can be counted, with the reason."""


@dataclass(frozen=True)
class Reading:
    """The counts that an answer of Prometheus holds.

    ``problem`` is the reason if there are none; then ``ticks`` is empty. ``notes`` are about samples that are missing
    without making the counts wrong.
    """

    ticks: tuple[Tick, ...] = ()
    problem: str | None = None
    notes: tuple[str, ...] = ()


def read_counts(query: CountQuery, series: Sequence[Series]) -> Reading:
    """Return the counts in the answer to a query.

    The events of a latency trigger are the slower requests.
    """
    try:
        return _read(query, series)
    except _UselessError as error:
        return Reading(problem=str(error))


def _read(query: CountQuery, series: Sequence[Series]) -> Reading:
    counters = _sorted_out(query, series)
    scraped = {name: _scraped(query, name, counters[name, TOTAL]) for name in query.versions}
    until = _covered_until(query, counters)
    shared = sorted(moment for moment in set.intersection(*scraped.values()) if moment <= until)
    if len(shared) < 2:
        raise _UselessError("the versions have samples at fewer than two common moments")
    arms = {name: _counts(query, name, counters, shared) for name in query.versions}
    nothing = [Counts(0, 0)] * (len(shared) - 1)
    ticks = (
        Tick(time - query.grid.start, stable, candidate)
        for time, stable, candidate in zip(shared[1:], arms.get("stable", nothing), arms["candidate"], strict=True)
    )
    notes = (note for name in query.versions for note in _missing(query, name, sorted(scraped[name])))
    return Reading(tuple(ticks), None, tuple(notes))


def _sorted_out(query: CountQuery, series: Sequence[Series]) -> Mapping[tuple[ArmName, str], _Counter]:
    """Return the values of each counter, by version and kind."""
    counters: dict[tuple[ArmName, str], _Counter] = {
        (name, counter): {} for name in query.versions for counter in (TOTAL, PART)
    }
    named: dict[tuple[ArmName, str], set[tuple[str, _Identity]]] = {place: set() for place in counters}
    for each in series:
        name, count = each.labels.get(ARM), each.labels.get(COUNT, "")
        place = next((key for key in counters if key == (name, count.removesuffix(TIME))), None)
        if place is None:
            raise _UselessError("the answer has series that were not asked for")
        identity = _identity(each, query.is_latency)
        samples = counters[place].setdefault(identity, Samples())
        kept = samples.times if count.endswith(TIME) else samples.values
        if not count.endswith(TIME):
            named[place].add((each.labels.get("__name__", ""), identity))
        _check(query, each)
        if count.endswith(TIME):
            for time, value in each.samples:
                if not time - _OLDEST <= value <= time:
                    raise _UselessError(f"the scrape of a sample at {clock(time)} is of another time")
        if kept:  # one counter, whose `le` an upgrade spells differently
            kept.update((time, max(value, kept.get(time, 0.0))) for time, value in each.samples)
        else:
            kept.update(each.samples)
    for counter in (TOTAL, PART):
        if len(query.versions) > 1 and named["stable", counter] & named["candidate", counter]:
            raise _UselessError("the same counter was read for both versions: the selectors do not tell them apart")
    return counters


def _check(query: CountQuery, series: Series) -> None:
    for time, value in series.samples:
        if not query.grid.first <= time <= query.grid.last:
            raise _UselessError(f"a sample at {time:.0f} seconds since 1970 is outside of the window")
        if not 0 <= value <= _LARGEST:  # not NaN either
            name = excerpt(series.labels.get("__name__", "a counter"))
            raise _UselessError(f"{name} is {value:g} at {clock(time)}, which is no count")


def _identity(series: Series, is_latency: bool) -> _Identity:
    """Return the labels that identify a counter; of a histogram those that its buckets share."""
    dropped = {ARM, COUNT, "__name__", *(("le",) if is_latency else ())}  # PromQL's timestamp() drops the name
    return frozenset((label, value) for label, value in series.labels.items() if label not in dropped)


def _scraped(query: CountQuery, name: ArmName, total: _Counter) -> set[float]:
    """Return the moments with samples of a version. They must fill the window."""
    version, grid = query.versions[name], query.grid
    times = {time for samples in total.values() for time in samples.values}
    if not times:
        raise _UselessError(f"{version} has no samples{_of_what(query, name)}")
    first, last = min(times), max(times)
    if last < grid.last:
        raise _UselessError(f"the samples of {version} end at {clock(last)}, before {clock(grid.last)}")
    missing = (last - first) / grid.step + 1 - len(times)
    if missing > MOST_MISSING * (last - first) / grid.step:
        lost = format_duration(timedelta(seconds=missing * grid.step))
        raise _UselessError(f"{version} has no samples for {lost} of the time since {clock(first)}")
    return times


def _of_what(query: CountQuery, name: ArmName) -> str:
    """Return the selector without samples, and the step if it skips samples."""
    text = f" of {excerpt(query.totals[name], _LONGEST_SELECTOR)}" if name in query.totals else ""
    if query.grid.step <= _LOOKBACK:
        return text
    return f"{text} at the moments that are read, one every {format_duration(timedelta(seconds=query.grid.step))}"


def _covered_until(query: CountQuery, counters: Mapping[tuple[ArmName, str], _Counter]) -> float:
    """Return the time up to which every target was scraped that is not gone.

    The last sample of a target that is gone may be repeated for five minutes. _UselessError if a version has no others.
    """
    last = query.grid.last
    age = longest_age(samples for counter in counters.values() for samples in counter.values())
    recent = list[float]()
    for (name, count), counter in counters.items():
        times = newest(counter.values(), last)
        fresh = [time for time in times if last - time <= age]
        if count == TOTAL and not fresh:
            version = query.versions[name]
            raise _UselessError(f"the samples of {version} end at {clock(max(times))}, before {clock(last)}")
        recent += fresh
    return min(recent)


def _missing(query: CountQuery, name: ArmName, times: Sequence[float]) -> Iterator[str]:
    """Yield notes about samples that are missing, although nothing is counted wrong."""
    version, grid = query.versions[name], query.grid
    if times[0] > grid.first:
        yield f"the samples of {version} begin at {clock(times[0])}, after {clock(grid.first)}"
    gaps = [(before, after) for before, after in pairwise(times) if after - before > grid.step]
    if gaps:
        longest = max(gaps, key=lambda gap: gap[1] - gap[0])
        more = f", and in {len(gaps) - 1} shorter gaps" if len(gaps) > 1 else ""
        yield f"{version} has no samples between {clock(longest[0])} and {clock(longest[1])}{more}"


def _counts(
    query: CountQuery, name: ArmName, counters: Mapping[tuple[ArmName, str], _Counter], times: Sequence[float]
) -> list[Counts]:
    """Return the counts of a version since each moment, up to the next one."""
    version, total, part = query.versions[name], counters[name, TOTAL], counters[name, PART]
    totals, parts = increases(total.values(), times), increases(part.values(), times)
    if query.is_latency:
        if total.keys() != part.keys():
            raise _UselessError(f"the histogram of {version} has no bucket that ends at the bound")
        parts = _slower(totals, parts)
    if sum(parts) > (1 + _MOST_SURPLUS) * sum(totals):
        raise _UselessError(f"{version} has {sum(parts):g} events among {sum(totals):g}, so this is no share")
    return [Counts(events, requests) for events, requests in zip(parts, totals, strict=True)]


def _slower(totals: Sequence[float], fast: Sequence[float]) -> list[float]:
    """Return the requests beyond the bound in each tick.

    A bucket that is ahead of its count is made up for in the next tick.
    """
    slower, owed = [], 0.0
    for total, within in zip(totals, fast, strict=True):
        beyond = total - within + owed
        owed = min(0.0, beyond)
        slower.append(max(0.0, beyond))
    if owed < -_MOST_SURPLUS * sum(totals):
        raise _UselessError("the buckets of the histogram hold more requests than its count")
    return slower
