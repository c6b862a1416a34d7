"""The boundary of O'Brien and Fleming agrees with scipy to 9 digits, and holds for any number of reads."""

from __future__ import annotations

import math

import pytest
from amounts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import oracle

from rollout_spec.domain.statistics.normal import cumulative, quantile, scaled_erfc
from rollout_spec.domain.statistics.obrien_fleming import bound, critical, detection_probability, drift_for

some = settings(max_examples=examples(200), deadline=None, database=None, derandomize=True)


@pytest.mark.parametrize("alpha", [0.001, 0.05, 0.2])
def test_the_critical_value_is_a_quantile_of_scipy(alpha: float) -> None:
    normal = oracle("scipy.stats").norm
    assert critical(alpha) == pytest.approx(normal.isf(alpha / 2), rel=1e-12)
    assert quantile(1 - alpha) == pytest.approx(normal.isf(alpha), rel=1e-12)
    assert bound(alpha, 0.25) == 2 * critical(alpha)
    assert bound(alpha, 1) == critical(alpha)


@some
@given(st.floats(-37, 8))
def test_the_normal_distribution_is_that_of_scipy(value: float) -> None:
    assert cumulative(value) == pytest.approx(oracle("scipy.stats").norm.cdf(value), rel=1e-12)


@some
@given(st.floats(0, 1e6))
def test_the_scaled_error_function_is_that_of_scipy(value: float) -> None:
    assert scaled_erfc(value) == pytest.approx(oracle("scipy.special").erfcx(value), rel=1e-10)


@some
@given(st.floats(0.05, 40), st.floats(0.01, 1), st.floats(0.001, 0.4))
def test_the_time_of_detection_is_an_inverse_gaussian(drift: float, fraction: float, alpha: float) -> None:
    """A Brownian motion with drift first reaches c at a time with the mean c/drift and the shape c²."""
    value = critical(alpha)
    expected = oracle("scipy.stats").invgauss.cdf(fraction, mu=1 / (drift * value), scale=value**2)
    assert detection_probability(drift, fraction, value) == pytest.approx(expected, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("alpha", [0.01, 0.05, 0.2])
def test_without_a_difference_the_probability_at_the_end_is_alpha(alpha: float) -> None:
    assert detection_probability(0, 1, critical(alpha)) == pytest.approx(alpha, rel=1e-12)
    assert detection_probability(-1, 1, critical(alpha)) < alpha


@pytest.mark.parametrize("drift", [-1e6, -40, -3, 0, 3, 40, 1e6])
def test_it_is_a_probability_that_grows_with_time(drift: float) -> None:
    found = [detection_probability(drift, fraction / 50, 1.96) for fraction in range(1, 51)]
    assert all(0 <= value <= 1 + 1e-12 for value in found)
    assert found == sorted(found)


@pytest.mark.parametrize(("power", "alpha"), [(0.8, 0.05), (0.9, 0.01), (0.2, 0.2), (0.9999, 0.001)])
def test_the_drift_has_the_power(power: float, alpha: float) -> None:
    assert detection_probability(drift_for(power, alpha), 1, critical(alpha)) == pytest.approx(power, rel=1e-9)


def test_the_drift_of_the_common_design_is_known() -> None:
    """It takes 7% more traffic than a single look, which needs a drift of 2.486."""
    assert drift_for(0.8, 0.05) == pytest.approx(2.573, abs=0.001)
    assert (drift_for(0.8, 0.05) / (quantile(0.95) + quantile(0.8))) ** 2 == pytest.approx(1.07, abs=0.005)


def test_a_thousand_reads_of_a_brownian_motion_give_alpha() -> None:
    """Between 1,000 reads the motion can cross unseen, so the rate is a little below alpha."""
    generator = oracle("numpy").random.default_rng(5)
    paths = generator.normal(0, math.sqrt(1 / 1000), size=(4000, 1000)).cumsum(axis=1)
    rate = (paths >= critical(0.05)).any(axis=1).mean()
    assert 0.035 < rate < 0.055


@pytest.mark.parametrize("fraction", [0, -0.1, 1.001, math.nan])
def test_a_read_outside_of_the_plan_is_refused(fraction: float) -> None:
    with pytest.raises(ValueError, match="a fraction must lie above 0 and be at most 1"):
        bound(0.05, fraction)
    with pytest.raises(ValueError, match="a fraction must lie above 0 and be at most 1"):
        detection_probability(1, fraction, 1.96)


def test_a_power_below_alpha_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^a power of 0\.01 is below alpha, 0\.05$"):
        drift_for(0.01, 0.05)
