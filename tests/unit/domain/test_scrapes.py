"""Versions that are scraped at different moments are counted over the same time."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from amounts import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from rollout_spec.core.series import Series
from rollout_spec.domain.metrics.counts import ArmName, CountQuery
from rollout_spec.domain.metrics.grid import Grid
from rollout_spec.domain.metrics.ticks import Reading, read_counts

START = int(datetime(2026, 11, 20, 12, tzinfo=UTC).timestamp())
some = settings(max_examples=examples(400), deadline=None, database=None, derandomize=True)


def query(step: int, moments: int) -> CountQuery:
    grid = Grid(float(START), START, START + (moments - 1) * step, step)
    return CountQuery("", grid, {"stable": "41", "candidate": "42"}, False)


def scraped(
    asked: CountQuery,
    arm: ArmName,
    value: Callable[[float], float],
    interval: float,
    phase: float,
    pod: str = "a",
    end: float = math.inf,
) -> list[Series]:
    """Return the answer about a counter: its value and its time at the newest scrape before each moment."""
    values, times = [], []
    for moment in range(asked.grid.first, asked.grid.last + 1, asked.grid.step):
        time = math.floor((min(moment, end) - START - phase) / interval) * interval + phase + START
        values.append((float(moment), value(time - START)))
        times.append((float(moment), time))
    labels = {"rollout_spec_arm": arm, "pod": f"{arm}-{pod}"}
    return [
        Series({**labels, "rollout_spec_count": "total", "__name__": "requests"}, tuple(values)),
        Series({**labels, "rollout_spec_count": "total_time"}, tuple(times)),
    ]


def steady(rate: float) -> Callable[[float], float]:
    return lambda time: 10_000 + rate * time


def totals(reading: Reading) -> list[tuple[float, float]]:
    assert reading.problem is None, reading.problem
    return [(tick.stable.total, tick.candidate.total) for tick in reading.ticks]


@some
@given(
    st.sampled_from([1, 4, 15, 60]),
    st.sampled_from([1.0, 10.0, 15.0, 30.0, 60.0]),
    st.lists(st.floats(0, 1, exclude_max=True), min_size=2, max_size=5),
    st.integers(40, 80),
)
def test_constant_rates_are_counted_as_they_are(step: int, interval: float, phases: list[float], moments: int) -> None:
    asked = query(step, moments)
    answer = scraped(asked, "stable", steady(100), interval, phases[0] * interval)
    for number, phase in enumerate(phases[1:]):
        answer += scraped(asked, "candidate", steady(5), interval, phase * interval, str(number))
    reading = read_counts(asked, answer)
    if reading.problem is not None:
        assert (moments - 1) * step < 2 * interval + step, reading.problem
        return
    for stable, candidate in totals(reading):
        assert stable == pytest.approx(100 * step)
        assert candidate == pytest.approx(5 * step * len(phases[1:]))
    assert asked.grid.last - START - reading.ticks[-1].seconds < interval + step


@some
@given(st.integers(30, 80), st.integers(1, 40), st.floats(0, 14.9), st.floats(0, 14.9))
def test_a_later_read_repeats_the_ticks_of_an_earlier_one(
    moments: int, more: int, stable_phase: float, candidate_phase: float
) -> None:
    def read(moments: int) -> Reading:
        asked = query(4, moments)
        wave = scraped(asked, "stable", lambda time: 1000 + 10 * time + 5 * math.sin(time), 15, stable_phase)
        return read_counts(asked, [*wave, *scraped(asked, "candidate", steady(5), 15, candidate_phase)])

    early, late = read(moments), read(moments + more)
    assert early.ticks and late.ticks[: len(early.ticks)] == early.ticks


def test_a_restart_between_two_scrapes_is_spread_over_them() -> None:
    asked = query(5, 13)
    restarted = scraped(asked, "candidate", lambda time: 500 + 10 * time if time < 20 else time - 20, 10, 3)
    ticks = totals(read_counts(asked, [*scraped(asked, "stable", steady(1), 10, 8), *restarted]))
    assert [round(candidate, 6) for _, candidate in ticks[:6]] == [50, 50, 30.6, 1.5, 2.9, 5]


def test_a_target_that_is_gone_does_not_hold_up_the_others() -> None:
    asked = query(4, 100)
    gone = scraped(asked, "candidate", steady(5), 15, 2, "gone", end=START + 200)
    kept = scraped(asked, "candidate", steady(5), 15, 7, "kept")
    reading = read_counts(asked, [*scraped(asked, "stable", steady(100), 15, 0), *gone, *kept])
    assert reading.ticks[-1].seconds >= 396 - 15 - 4
    assert totals(reading)[10][1] == pytest.approx(40)
    assert totals(reading)[-1][1] == pytest.approx(20)
    assert {round(stable, 6) for stable, _ in totals(reading)} == {400}


def test_a_version_whose_last_samples_are_repeated_is_no_data() -> None:
    asked = query(4, 100)
    gone = scraped(asked, "candidate", steady(5), 15, 2, end=START + 200)
    reading = read_counts(asked, [*scraped(asked, "stable", steady(100), 15, 0), *gone])
    assert reading.problem == "the samples of 42 end at 2026-11-20T12:03:17Z, before 2026-11-20T12:06:36Z"


@pytest.mark.parametrize("time", [START + 41.0, START - 4000.0, 1e15, 0.0])
def test_a_scrape_of_another_time_is_no_data(time: float) -> None:
    asked = query(4, 11)
    answer = [each for arm in asked.versions for each in scraped(asked, arm, steady(5), 2, 0)]
    odd = Series(answer[-1].labels, (*answer[-1].samples[:-1], (answer[-1].samples[-1][0], time)))
    problem = read_counts(asked, [*answer[:-1], odd]).problem
    assert problem == "the scrape of a sample at 2026-11-20T12:00:40Z is of another time"
