"""Evidence of a failure from an unknown moment on is a test martingale, and finds a late failure."""

from __future__ import annotations

import itertools
import math

import pytest
from amounts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import oracle

from rollout_spec.domain.statistics.counts import Counts
from rollout_spec.domain.statistics.onset import log_evidence, log_mixture
from rollout_spec.domain.statistics.sprt import log_ratio

some = settings(max_examples=examples(200), deadline=None, database=None, derandomize=True)


def by_definition(ratios: list[float]) -> float:
    """Return the weighted mean of all products, term by term."""
    terms = []
    for start in range(len(ratios) + 200_000):
        weight = 0.5 if start == 0 else 0.5 / (start * (start + 1))
        terms.append(weight * math.exp(math.fsum(ratios[start:])))
    return math.fsum(terms)


@pytest.mark.parametrize("ratios", [[0.7], [-1.0, 2.0, -3.0, 0.5], [0.0] * 5, [5.0, -5.0] * 4])
def test_it_is_the_weighted_mean_of_the_products_from_each_tick_on(ratios: list[float]) -> None:
    assert math.exp(log_evidence(ratios)[-1]) == pytest.approx(by_definition(ratios), abs=1e-5)


@pytest.mark.parametrize(("rate", "null"), [(0.3, 0.3), (0.2, 0.3), (0.05, 0.05)])
def test_on_a_whole_tree_its_mean_is_at_most_1_after_each_tick_and_stop(rate: float, null: float) -> None:
    """All 256 courses of eight requests, with a stop at the first moment above 2, or at the end."""
    steps = {event: log_ratio(Counts(event, 1), null, 0.5) for event in (0, 1)}
    means, stopped = [0.0] * 8, 0.0
    for course in itertools.product((0, 1), repeat=8):
        chance = math.prod(rate if event else 1 - rate for event in course)
        evidence = [math.exp(log) for log in log_evidence([steps[event] for event in course])]
        means = [mean + chance * value for mean, value in zip(means, evidence, strict=True)]
        stopped += chance * next((value for value in evidence if value >= 2), evidence[-1])
    if rate == null:
        assert means == pytest.approx([1] * 8, rel=1e-12)
        assert stopped == pytest.approx(1, rel=1e-12)
    else:
        assert max(means) < 1 > stopped


@some
@given(st.floats(0.05, 0.95), st.floats(0.05, 0.95), st.lists(st.floats(-5, 5), max_size=10))
def test_after_any_past_the_next_tick_changes_the_mean_by_nothing(
    null: float, alternative: float, past: list[float]
) -> None:
    event, other = (log_ratio(Counts(number, 1), null, alternative) for number in (1, 0))
    before = math.exp(log_evidence(past)[-1]) if past else 1.0
    after = [math.exp(log_evidence([*past, step])[-1]) for step in (event, other)]
    assert null * after[0] + (1 - null) * after[1] == pytest.approx(before, rel=1e-9)


def test_healthy_rollouts_give_a_false_alarm_in_fewer_than_alpha() -> None:
    generator = oracle("numpy").random.default_rng(7)
    alarms = 0
    for events in generator.binomial(75, 0.02, size=(2000, 60)):
        ratios = [log_ratio(Counts(int(number), 75), 0.02, 0.05) for number in events]
        alarms += max(log_evidence(ratios)) >= math.log(20)
    assert 0 < alarms / 2000 < 0.05


def test_a_failure_after_10_000_healthy_requests_is_found_at_once() -> None:
    """The plain product would need 200 ticks of the failure to make up for the healthy ones."""
    healthy = [log_ratio(Counts(2, 100), 0.02, 0.05)] * 100
    failing = [log_ratio(Counts(8, 100), 0.02, 0.05)] * 20
    evidence = log_evidence(healthy + failing)
    first = next(index for index, value in enumerate(evidence) if value >= math.log(20))
    assert 100 <= first < 104
    assert sum(healthy + failing[:4]) < -50


@some
@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30))
def test_it_costs_at_most_the_factor_2_and_never_falls_to_nothing(ratios: list[float]) -> None:
    evidence = log_evidence(ratios)
    assert len(evidence) == len(ratios)
    for index, (value, total) in enumerate(zip(evidence, itertools.accumulate(ratios), strict=True), start=1):
        assert value >= total - math.log(2) - 1e-6
        assert value >= -math.log(2 * index) - 1e-9


def test_500_ticks_of_overwhelming_health_lose_nothing() -> None:
    evidence = log_evidence([*[-1e6] * 500, 20.0])
    assert evidence[499] == pytest.approx(-math.log(1000))
    assert evidence[500] == pytest.approx(20 - math.log(2 * 500 * 501), abs=0.01)


@some
@given(st.lists(st.floats(-100, 100), max_size=30))
def test_the_mixture_of_the_products_since_each_tick_is_the_last_evidence(ratios: list[float]) -> None:
    since = list(itertools.accumulate(reversed(ratios)))[::-1]
    expected = log_evidence(ratios)[-1] if ratios else 0.0
    assert log_mixture(since) == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_nan_is_no_evidence() -> None:
    assert not log_mixture([math.nan, 100.0]) >= 0
    assert [value >= 0 for value in log_evidence([math.nan, 100.0])] == [False, False]
    assert log_evidence([]) == []
