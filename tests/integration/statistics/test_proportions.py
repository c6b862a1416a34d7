"""Intervals, differences and sample sizes of shares agree with statsmodels to 12 digits."""

from __future__ import annotations

import math

import pytest
from amounts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import oracle

from rollout_spec.domain.statistics.counts import Counts
from rollout_spec.domain.statistics.proportions import difference, margin_difference, power_of, sample_size, wilson

some = settings(max_examples=examples(200), deadline=None, database=None, derandomize=True)
DIGITS = 1e-12

samples = st.integers(1, 100_000).flatmap(lambda total: st.builds(Counts, st.integers(0, total), st.just(total)))
rates = st.floats(0.001, 0.999)


@some
@given(samples, st.sampled_from([0.8, 0.95, 0.999]))
def test_wilson_is_that_of_statsmodels(counts: Counts, confidence: float) -> None:
    interval = oracle("statsmodels.stats.proportion").proportion_confint
    expected = interval(counts.events, counts.total, 1 - confidence, "wilson")
    assert wilson(counts, confidence) == pytest.approx(expected, rel=DIGITS, abs=DIGITS)
    low, high = wilson(counts, confidence)
    assert 0 <= low <= counts.rate <= high <= 1


@some
@given(samples, samples)
def test_a_difference_is_that_of_statsmodels_with_one_more_of_each(stable: Counts, candidate: Counts) -> None:
    proportion = oracle("statsmodels.stats.proportion")
    found = difference(stable, candidate)
    assert found.value == candidate.rate - stable.rate
    assert found.pooled_error > 0 < found.unpooled_error
    events, totals = (candidate.events + 1, stable.events + 1), (candidate.total + 2, stable.total + 2)
    rate = events[0] / totals[0] - events[1] / totals[1]
    for error, pooled in ((found.pooled_error, None), (found.unpooled_error, False)):
        if pooled is False:
            low, high = proportion.confint_proportions_2indep(
                candidate.events, candidate.total, stable.events, stable.total, "agresti-caffo"
            )
            z = oracle("scipy.stats").norm.ppf(0.975)
            assert error == pytest.approx((high - low) / 2 / z, rel=DIGITS)
        elif abs(rate) > 1e-9:
            z, _ = proportion.proportions_ztest(events, totals)
            assert error == pytest.approx(rate / z, rel=1e-9)


@some
@given(samples, samples, st.floats(0.5, 2))
def test_a_margin_multiplies_the_rate_of_stable(stable: Counts, candidate: Counts, factor: float) -> None:
    variance = oracle("scipy.stats").binom.var
    found = margin_difference(stable, candidate, factor)
    more = [Counts(counts.events + 1, counts.total + 2) for counts in (stable, candidate)]
    old, new = (variance(counts.total, counts.rate) / counts.total**2 for counts in more)
    assert found.value == candidate.rate - factor * stable.rate
    assert found.unpooled_error == pytest.approx(math.sqrt(new + factor**2 * old), rel=DIGITS)
    assert margin_difference(stable, candidate, 1) == difference(stable, candidate)


def test_fractions_count_as_well() -> None:
    """A design effect makes fractions: the interval of half of the counts lies between those of the whole ones."""
    half, whole = difference(Counts(1.25, 50.5), Counts(0.5, 5.5)), difference(Counts(2.5, 101), Counts(1, 11))
    assert half.value == pytest.approx(whole.value, rel=DIGITS)
    assert half.unpooled_error > whole.unpooled_error
    assert wilson(Counts(0.5, 5.5), 0.95)[1] > wilson(Counts(1, 11), 0.95)[1]
    with pytest.raises(ValueError, match="a factor must be a finite number of at least 0, not nan"):
        margin_difference(Counts(1, 2), Counts(1, 2), math.nan)


def test_two_versions_without_a_failure_are_not_known_to_be_equal() -> None:
    few, many = difference(Counts(0, 20), Counts(0, 10)), difference(Counts(0, 20_000), Counts(0, 10_000))
    assert few.value == many.value == 0
    assert few.unpooled_error > 0.08
    assert many.unpooled_error < 0.0002


def test_a_difference_without_traffic_is_not_a_number() -> None:
    assert math.isnan(difference(Counts(0, 0), Counts(1, 2)).value)
    assert math.isnan(difference(Counts(1, 2), Counts(0, 0)).value)
    assert wilson(Counts(0, 0), 0.95) == (0, 1)


@some
@given(rates, rates, st.floats(0.01, 100), st.floats(0.001, 0.4), st.floats(0.5, 0.999))
def test_a_sample_size_is_that_of_statsmodels(
    control: float, candidate: float, ratio: float, alpha: float, power: float
) -> None:
    if abs(control - candidate) < 1e-6:
        return
    size = oracle("statsmodels.stats.proportion").samplesize_proportions_2indep_onetail
    gap = candidate - control
    side = "larger" if gap > 0 else "smaller"
    found = sample_size(control, candidate, ratio, alpha, power)
    assert found == pytest.approx(sample_size(1 - control, 1 - candidate, ratio, alpha, power), rel=1e-6)
    if ratio == 1:
        assert found == pytest.approx(size(gap, control, power, 1, alpha, alternative=side), rel=1e-9)
    assert power_of(control, candidate, found, ratio, alpha) == pytest.approx(power, rel=1e-9)


@pytest.mark.parametrize(
    ("control", "candidate", "ratio", "expected"),
    [(0.1, 0.095, 1, 43_521), (0.1, 0.095, 0.05 / 0.95, 438_047), (0.02, 0.08, 1, 162)],
)
def test_sample_sizes_of_known_designs(control: float, candidate: float, ratio: float, expected: int) -> None:
    found = sample_size(control, candidate, ratio, 0.05, 0.8)
    assert round(found) == expected
    if ratio == 1:
        gap, side = candidate - control, "larger" if candidate > control else "smaller"
        size = oracle("statsmodels.stats.proportion").samplesize_proportions_2indep_onetail
        assert found == pytest.approx(size(gap, control, 0.8, 1, 0.05, alternative=side), rel=DIGITS)


def test_equal_rates_are_never_told_apart() -> None:
    assert sample_size(0.1, 0.1, 1, 0.05, 0.8) == math.inf
    assert power_of(0.1, 0.1, 1e9, 1, 0.05) == pytest.approx(0.05, rel=DIGITS)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0.0, 0.1, 1, 0.05, 0.8), "the rate of the control must lie strictly between 0 and 1, not 0.0"),
        ((0.1, 1.0, 1, 0.05, 0.8), "the rate of the candidate must lie strictly between 0 and 1, not 1.0"),
        ((0.1, 0.2, 0, 0.05, 0.8), "a ratio must be a finite number above 0, not 0"),
        ((0.1, 0.2, 1, 0.0, 0.8), "a probability must lie strictly between 0 and 1, not 1.0"),
        ((0.1, math.nan, 1, 0.05, 0.8), "the rate of the candidate must lie strictly between 0 and 1, not nan"),
    ],
)
def test_designs_that_are_none_are_refused(arguments: tuple[float, ...], message: str) -> None:
    with pytest.raises(ValueError) as error:
        sample_size(*arguments)
    assert str(error.value) == message


@pytest.mark.parametrize("counts", [Counts(3, 2), Counts(1, 0)])
def test_more_events_than_requests_are_refused(counts: Counts) -> None:
    message = "events among . requests are no share"
    with pytest.raises(ValueError, match=message):
        wilson(counts, 0.95)
    with pytest.raises(ValueError, match=message):
        difference(counts, Counts(1, 2))
    with pytest.raises(ValueError, match=message):
        difference(Counts(1, 2), counts)
