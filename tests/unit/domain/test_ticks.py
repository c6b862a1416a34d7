"""The ticks of an answer are the truth about the counters, or the reading says why there are none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import pytest
from amounts import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from rollout_spec.core.series import Series
from rollout_spec.domain.metrics.counts import ArmName, CountQuery
from rollout_spec.domain.metrics.grid import Grid
from rollout_spec.domain.metrics.ticks import Reading, read_counts
from rollout_spec.domain.statistics.counts import Counts, Tick

START = int(datetime(2026, 11, 20, 12, tzinfo=UTC).timestamp())
STEP = 10
Values = Sequence[float | None]
NAN, INF = float("nan"), float("inf")


def query(moments: int, versions: Mapping[ArmName, str] | None = None, is_latency: bool = False) -> CountQuery:
    grid = Grid(START - 3.0, START, START + (moments - 1) * STEP, STEP)
    return CountQuery("", grid, versions or {"stable": "41", "candidate": "42"}, is_latency)


def series(arm: str, count: str, values: Values, **labels: str) -> Series:
    """Return a series with a value, or None, at each moment."""
    samples = ((float(START + index * STEP), value) for index, value in enumerate(values) if value is not None)
    return Series({"rollout_spec_arm": arm, "rollout_spec_count": count, **labels}, tuple(samples))


def stable(moments: int) -> list[Series]:
    """Return a stable version with one request a moment, none of them failed."""
    return [series("stable", "total", [100.0 + index for index in range(moments)], version="41")]


def read(*candidate: Series, moments: int = 4) -> Reading:
    return read_counts(query(moments), [*stable(moments), *candidate])


def total(values: Values, **labels: str) -> Series:
    return series("candidate", "total", values, version="42", **labels)


def part(values: Values, **labels: str) -> Series:
    return series("candidate", "part", values, version="42", **labels)


def candidate(reading: Reading) -> list[tuple[float, float]]:
    assert reading.problem is None, reading.problem
    return [(tick.candidate.events, tick.candidate.total) for tick in reading.ticks]


def requests(reading: Reading) -> list[float]:
    return [requests for _, requests in candidate(reading)]


def test_ticks_are_differences() -> None:
    reading = read(total([5, 7, 7, 12]), part([1, 1, 1, 3], code="500"))
    assert reading == Reading(
        (
            Tick(13.0, Counts(0, 1), Counts(0, 2)),
            Tick(23.0, Counts(0, 1), Counts(0, 0)),
            Tick(33.0, Counts(0, 1), Counts(2, 5)),
        )
    )


def test_a_fall_is_a_reset() -> None:
    assert requests(read(total([50, 60, 3, 8]))) == [10, 3, 5]
    assert requests(read(total([50, 60, 0, 8]))) == [10, 0, 8]


def test_a_counter_that_appears_began_at_zero() -> None:
    assert requests(read(total([50, 60, 70, 80], pod="a"), total([None, None, 7, 9], pod="b"))) == [10, 17, 12]
    assert candidate(read(total([50, 60, 70, 80]), part([None, None, 1, 3]))) == [(0, 10), (1, 10), (2, 10)]


def test_a_counter_that_ends_keeps_its_count() -> None:
    assert requests(read(total([50, 60, 70, 80], pod="a"), total([5, 8, None, None], pod="b"))) == [13, 10, 10]


def test_a_counter_that_comes_back_goes_on_or_was_reset() -> None:
    on = total([50, 60, 70, 80], pod="a")
    assert requests(read(on, total([5, None, 9, 9], pod="b"))) == [12, 12, 10]
    assert requests(read(on, total([5, None, 2, 2], pod="b"))) == [11, 11, 10]


def test_no_events_are_none() -> None:
    assert candidate(read(total([50, 60, 70, 80]))) == [(0, 10), (0, 10), (0, 10)]


def test_no_total_is_no_data() -> None:
    assert read().problem == "42 has no samples"
    assert read(part([1, 2, 3, 4])).problem == "42 has no samples"
    assert read_counts(query(4), []).problem == "41 has no samples"
    assert read().ticks == ()


def test_a_late_start_counts_both_versions_from_there() -> None:
    reading = read(total([None, 60, 70, 80]))
    assert reading.ticks == (Tick(23.0, Counts(0, 1), Counts(0, 10)), Tick(33.0, Counts(0, 1), Counts(0, 10)))
    assert reading.notes == ("the samples of 42 begin at 2026-11-20T12:00:10Z, after 2026-11-20T12:00:00Z",)


def test_a_single_common_moment_has_no_tick() -> None:
    assert read(total([None, None, None, 80])).problem == "the versions have samples at fewer than two common moments"


def test_an_early_end_is_no_data() -> None:
    expected = "the samples of 42 end at 2026-11-20T12:00:20Z, before 2026-11-20T12:00:30Z"
    assert read(total([50, 60, 70, None])).problem == expected
    assert read(total([50, 60, 70, None]), part([1, 1, 1, 1])).problem == expected


def test_a_short_gap_is_counted_after_it_in_both_versions() -> None:
    values = [float(index) for index in range(21)]
    reading = read(total([*values[:7], None, *values[8:]]), moments=21)
    assert [tick.seconds for tick in reading.ticks[5:7]] == [63.0, 83.0]
    assert reading.ticks[6] == Tick(83.0, Counts(0, 2), Counts(0, 2))
    assert sum(tick.stable.total for tick in reading.ticks) == sum(requests(reading)) == 20
    assert reading.notes == ("42 has no samples between 2026-11-20T12:01:00Z and 2026-11-20T12:01:20Z",)


def test_several_short_gaps_are_one_note() -> None:
    values: list[float | None] = [float(index) for index in range(41)]
    values[7] = values[20] = values[21] = None
    (note,) = read(total(values), moments=41).notes
    assert note == ("42 has no samples between 2026-11-20T12:03:10Z and 2026-11-20T12:03:40Z, and in 1 shorter gaps")


def test_a_long_gap_is_no_data() -> None:
    values = [float(index) for index in range(21)]
    reading = read(total([*values[:7], None, None, None, *values[10:]]), moments=21)
    assert reading.problem == "42 has no samples for 30s of the time since 2026-11-20T12:00:00Z"


@pytest.mark.parametrize("value", [NAN, INF, -INF, -1.0, 1e16, 1.7e308])
def test_a_value_that_is_no_count_is_no_data(value: float) -> None:
    for reading in (read(total([50, value, 70, 80])), read(total([50, 60, 70, 80]), part([1, value, 2, 2]))):
        assert reading.problem == f"a counter is {value:g} at 2026-11-20T12:00:10Z, which is no count"
        assert reading.ticks == ()


def test_the_name_of_a_bad_counter_is_harmless() -> None:
    reading = read(total([NAN] * 4, __name__="x\x1b[2J" + "y" * 500))
    assert reading.problem is not None and "\x1b" not in reading.problem and len(reading.problem) < 200


def test_a_share_has_no_more_events_than_requests() -> None:
    reading = read(total([0, 10, 20, 30]), part([0, 20, 40, 60]))
    assert reading.problem == "42 has 60 events among 30, so this is no share"
    late = read(total([0, 10, 20, 30]), part([0, 12, 20, 30]))  # the other exporter was scraped a moment later
    assert candidate(late) == [(12, 10), (8, 10), (10, 10)]


def test_a_counter_of_both_versions_is_no_data() -> None:
    both = [series(arm, "total", [1, 2, 3], pod="a") for arm in ("stable", "candidate")]
    problem = read_counts(query(3), both).problem
    assert problem == "the same counter was read for both versions: the selectors do not tell them apart"


def test_versions_may_have_metrics_of_their_own_names() -> None:
    """`shop_orders_v{{ version }}_total` has the same labels for both versions."""
    named = [
        series(arm, "total", [1, 2, 3], pod="a", __name__=f"orders_{arm}_total") for arm in ("stable", "candidate")
    ]
    assert read_counts(query(3), named).problem is None


@pytest.mark.parametrize(
    "labels",
    [
        {},
        {"rollout_spec_arm": "stable"},
        {"rollout_spec_arm": "other", "rollout_spec_count": "total"},
        {"rollout_spec_arm": "candidate", "rollout_spec_count": "fast"},
    ],
)
def test_series_that_nobody_asked_for_are_no_data(labels: dict[str, str]) -> None:
    assert read(total([1, 2, 3, 4]), Series(labels, ())).problem == "the answer has series that were not asked for"


@pytest.mark.parametrize("time", [START - 1.0, START + 31.0, NAN, INF])
def test_samples_outside_of_the_window_are_no_data(time: float) -> None:
    labels = total([]).labels
    problem = read(total([1, 2, 3, 4]), Series({**labels, "pod": "b"}, ((time, 1.0),))).problem
    assert problem is not None and "outside of the window" in problem


def test_the_candidate_alone_is_read_without_stable() -> None:
    alone = query(3, {"candidate": "42"})
    reading = read_counts(alone, [total([5, 7, 9])])
    assert reading.ticks == (Tick(13.0, Counts(0, 0), Counts(0, 2)), Tick(23.0, Counts(0, 0), Counts(0, 2)))
    assert read_counts(alone, [total([5, 7, 9]), *stable(3)]).problem == "the answer has series that were not asked for"


# Latency: the part is the requests within the bound.


def latency(*candidate: Series) -> Reading:
    return read_counts(query(4, {"candidate": "42"}, is_latency=True), candidate)


def count(values: Values, **labels: str) -> Series:
    return total(values, __name__="latency_count", **labels)


def bucket(values: Values, le: str = "0.25", **labels: str) -> Series:
    return part(values, __name__="latency_bucket", le=le, **labels)


def test_the_events_of_a_latency_are_the_slower_requests() -> None:
    assert candidate(latency(count([10, 20, 30, 40]), bucket([10, 19, 29, 36]))) == [(1, 10), (0, 10), (3, 10)]


def test_a_missing_bucket_does_not_mean_that_all_requests_are_slow() -> None:
    expected = "the histogram of 42 has no bucket that ends at the bound"
    assert latency(count([10, 20, 30, 40])).problem == expected
    one_of_two = (count([1, 2, 3, 4], pod="a"), count([1, 2, 3, 4], pod="b"), bucket([1, 2, 3, 4], pod="a"))
    assert latency(*one_of_two).problem == expected


def test_an_upgrade_may_spell_the_bound_differently() -> None:
    old, new = bucket([10, 20, 20, None], le="250"), bucket([None, None, 30, 40], le="250.0")
    assert candidate(latency(count([10, 20, 30, 40]), old, new)) == [(0, 10), (0, 10), (0, 10)]


def test_a_bucket_that_is_ahead_of_its_count_is_made_up_for() -> None:
    reading = latency(count([0, 10, 20, 40]), bucket([0, 11, 20, 38]))
    assert candidate(reading) == [(0, 10), (0, 10), (2, 20)]


def test_buckets_that_disagree_with_their_count_are_no_data() -> None:
    problem = latency(count([0, 10, 20, 30]), bucket([0, 11, 22, 33])).problem
    assert problem == "the buckets of the histogram hold more requests than its count"


# Counters of replicas that come, go and start again, against the truth.

MOMENTS = 12
step_of_a_replica = st.tuples(st.sampled_from(["on", "on", "on", "restart", "lost", "gone"]), st.integers(0, 50))
replicas = st.lists(
    st.tuples(st.integers(0, MOMENTS - 1), st.integers(0, 1000), st.lists(step_of_a_replica, max_size=MOMENTS)),
    max_size=5,
)


def lived(begin: int, history: int, steps: Sequence[tuple[str, int]]) -> tuple[list[float | None], list[int]]:
    """Return the values of one replica at all moments, and its requests since the moment before.

    The replica that is there at the first moment has a history. A restart is seen if fewer requests follow it.
    """
    values: list[float | None] = [None] * begin
    truth = [0] * begin
    value = history if begin == 0 else 0
    seen: int | None = None  # the last value that Prometheus read
    hidden = 0  # requests since then
    for kind, more in [("on", 0), *steps][: MOMENTS - begin]:
        if kind == "gone":
            break
        if kind == "restart" and seen is not None and hidden == 0 and more < seen:
            value = 0
        value, hidden = value + more, hidden + more
        is_read = kind != "lost"
        values.append(value if is_read else None)
        truth.append(hidden if is_read else 0)
        if is_read:
            seen, hidden = value, 0
    missing = MOMENTS - len(values)
    return [*values, *[None] * missing], [*truth, *[0] * missing]


@settings(max_examples=examples(800), deadline=None, database=None, derandomize=True)
@given(replicas)
def test_the_ticks_are_the_truth(pods: list[tuple[int, int, list[tuple[str, int]]]]) -> None:
    steady = [float(index) for index in range(MOMENTS)]
    lives = [lived(*pod) for pod in pods]
    answer = [total(values, pod=str(number)) for number, (values, _) in enumerate(lives)]
    reading = read(total(steady, pod="steady"), *answer, moments=MOMENTS)
    expected = [1 + sum(truth[index] for _, truth in lives) for index in range(1, MOMENTS)]
    assert sum(requests(reading)) == pytest.approx(sum(expected))
    if not any(kind == "lost" for _, _, steps in pods for kind, _ in steps):
        assert requests(reading) == expected


@settings(max_examples=examples(800), deadline=None, database=None, derandomize=True)
@given(replicas, replicas, st.booleans())
def test_every_answer_is_counts_or_a_problem(
    first: list[tuple[int, int, list[tuple[str, int]]]],
    second: list[tuple[int, int, list[tuple[str, int]]]],
    is_latency: bool,
) -> None:
    made = [
        series(arm, count, lived(*pod)[0], pod=f"{arm}-{number}")
        for arm, pods in (("stable", first), ("candidate", second))
        for number, pod in enumerate(pods)
        for count in ("total", "part")
    ]
    reading = read_counts(query(MOMENTS, is_latency=is_latency), made)
    assert bool(reading.ticks) == (reading.problem is None)
    ends = [tick.seconds for tick in reading.ticks]
    assert ends == sorted(set(ends)) and (not ends or ends[-1] == 3.0 + (MOMENTS - 1) * STEP)
    for tick in reading.ticks:
        for counts in (tick.stable, tick.candidate):
            assert counts.events == (0 if is_latency else counts.total)


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (10, '42 has no samples of requests{version="42"}'),
        (300, '42 has no samples of requests{version="42"}'),
        (86400, '42 has no samples of requests{version="42"} at the moments that are read, one every 1d'),
    ],
)
def test_the_selector_without_samples_is_named(step: int, message: str) -> None:
    versions: dict[ArmName, str] = {"candidate": "42"}
    totals: dict[ArmName, str] = {"candidate": 'requests{version="42"}'}
    asked = CountQuery("", Grid(START, START, START + 9 * step, step), versions, False, totals)
    assert read_counts(asked, []).problem == message
