"""The sequential test of a rate: its mean is at most 1 if nothing is wrong, and its delay is the formula's."""

from __future__ import annotations

import math

import pytest
from amounts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import oracle

from rollout_spec.domain.statistics.counts import Counts
from rollout_spec.domain.statistics.sprt import alternatives, expected_total, log_ratio, mixture_log_ratio

some = settings(max_examples=examples(200), deadline=None, database=None, derandomize=True)
rates = st.floats(0.001, 0.999)


@some
@given(st.integers(0, 500), st.integers(0, 500), rates, rates)
def test_a_log_ratio_is_the_difference_of_two_binomial_likelihoods(
    events: int, others: int, null: float, alternative: float
) -> None:
    likelihood = oracle("scipy.stats").binom.logpmf
    total = events + others
    expected = likelihood(events, total, alternative) - likelihood(events, total, null)
    assert log_ratio(Counts(events, total), null, alternative) == pytest.approx(expected, rel=1e-9, abs=1e-9)


@some
@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), max_size=20), rates, rates)
def test_the_ratio_of_a_sum_is_the_sum_of_the_ratios(
    pairs: list[tuple[int, int]], null: float, alternative: float
) -> None:
    ticks = [Counts(events, events + others) for events, others in pairs]
    together = log_ratio(sum(ticks, Counts(0, 0)), null, alternative)
    assert together == pytest.approx(sum(log_ratio(tick, null, alternative) for tick in ticks), rel=1e-9, abs=1e-9)


def mean_of(total: int, rate: float, bound: float) -> tuple[float, float]:
    """Return the exact means of a plain test and of the mixture, over all numbers of events."""
    chances = [math.comb(total, events) * rate**events * (1 - rate) ** (total - events) for events in range(total + 1)]
    counts = [Counts(events, total) for events in range(total + 1)]
    plain = sum(chance * math.exp(log_ratio(own, bound, 0.08)) for chance, own in zip(chances, counts, strict=True))
    mixed = sum(chance * math.exp(mixture_log_ratio(own, bound)) for chance, own in zip(chances, counts, strict=True))
    return plain, mixed


@pytest.mark.parametrize("total", [1, 10, 100])
def test_the_mean_is_1_at_the_bound_and_less_below_it(total: int) -> None:
    assert mean_of(total, 0.05, 0.05) == pytest.approx((1, 1), rel=1e-12)
    plain, mixed = mean_of(total, 0.02, 0.05)
    assert plain < 1 > mixed


@pytest.mark.parametrize("bound", [0.0001, 0.05, 0.3, 0.5, 0.9, 0.999])
def test_all_alternatives_are_rates_above_the_bound(bound: float) -> None:
    found = alternatives(bound)
    assert len(found) == 5
    assert all(bound < rate < 1 for rate in found)
    if bound < 0.18:
        assert [rate / bound for rate in found] == pytest.approx([1.1, 1.3, 1.6, 2.4, 5])
    else:
        assert max(found) == pytest.approx(1 - (1 - bound) / 10)


def test_the_mixture_is_the_mean_of_its_parts() -> None:
    counts = Counts(40, 500)
    parts = [log_ratio(counts, 0.05, rate) for rate in alternatives(0.05)]
    expected = oracle("scipy.special").logsumexp(parts) - math.log(5)
    assert mixture_log_ratio(counts, 0.05) == pytest.approx(expected, rel=1e-12)


def test_an_alternative_below_the_null_is_a_test_of_a_fall() -> None:
    assert log_ratio(Counts(80, 100), 0.9, 0.8) > 0 > log_ratio(Counts(95, 100), 0.9, 0.8)


def test_the_expected_total_is_the_simulated_one() -> None:
    """Wald's formula leaves out by how much the last request oversteps: here 2.4%."""
    generator = oracle("numpy").random.default_rng(1)
    event, other = (log_ratio(Counts(number, 1), 0.02, 0.03) for number in (1, 0))
    walks = oracle("numpy").where(generator.random((2000, 4000)) < 0.05, event, other).cumsum(axis=1)
    crossed = walks >= math.log(20)
    assert crossed.any(axis=1).all()
    assert (crossed.argmax(axis=1) + 1).mean() == pytest.approx(expected_total(0.05, 0.02, 0.03, 0.05), rel=0.1)


def test_the_expected_total_is_infinite_if_the_rate_is_healthy() -> None:
    assert expected_total(0.02, 0.02, 0.05, 0.05) == math.inf
    assert expected_total(0.0, 0.02, 0.05, 0.05) == math.inf
    assert expected_total(0.08, 0.02, 0.05, 0.05) < expected_total(0.05, 0.02, 0.05, 0.05) < math.inf


@pytest.mark.parametrize("rate", [0.0, 1.0, -0.1, math.nan])
def test_rates_that_are_none_are_refused(rate: float) -> None:
    with pytest.raises(ValueError, match="the null must lie strictly between 0 and 1"):
        log_ratio(Counts(1, 2), rate, 0.5)
    with pytest.raises(ValueError, match="the alternative must lie strictly between 0 and 1"):
        log_ratio(Counts(1, 2), 0.5, rate)
    with pytest.raises(ValueError, match="a bound must lie strictly between 0 and 1"):
        mixture_log_ratio(Counts(1, 2), rate)
    with pytest.raises(ValueError, match="alpha must lie strictly between 0 and 1"):
        expected_total(0.5, 0.1, 0.2, rate)
