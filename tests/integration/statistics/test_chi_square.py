"""The chi-square distribution agrees with scipy, far into both tails."""

from __future__ import annotations

import pytest
from amounts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import oracle

from rollout_spec.domain.statistics.chi_square import power, quantile, shifted_tail, tail

some = settings(max_examples=examples(200), deadline=None, database=None, derandomize=True)
degrees = st.integers(1, 300)


@some
@given(st.floats(0, 2_000), degrees)
def test_tails_are_those_of_scipy(value: float, free: int) -> None:
    expected = float(oracle("scipy.stats").chi2.sf(value, free))
    assert tail(value, free) == pytest.approx(expected, rel=1e-10, abs=1e-290)


@some
@given(st.floats(1e-6, 1 - 1e-6), degrees)
def test_quantiles_are_those_of_scipy(probability: float, free: int) -> None:
    expected = float(oracle("scipy.stats").chi2.ppf(probability, free))
    assert quantile(probability, free) == pytest.approx(expected, rel=1e-7)


@some
@given(st.floats(0.01, 3_000), degrees, st.floats(1e-3, 3_000))
def test_shifted_tails_are_those_of_scipy(value: float, free: int, shift: float) -> None:
    expected = float(oracle("scipy.stats").ncx2.sf(value, free, shift))
    assert shifted_tail(value, free, shift) == pytest.approx(expected, abs=1e-9)


def test_power_is_alpha_without_a_shift_and_grows_with_it() -> None:
    assert power(9, 0, 0.001) == pytest.approx(0.001, rel=1e-9)
    values = [power(9, shift, 0.001) for shift in (0, 5, 20, 60, 19_999, 20_001, 1e6)]
    assert values == sorted(values)
    assert values[-1] == 1


def test_a_large_shift_is_close_to_the_exact_one() -> None:
    assert shifted_tail(20_400, 9, 20_001) == pytest.approx(shifted_tail(20_400, 9, 19_999), abs=0.01)


@pytest.mark.parametrize(
    ("value", "free", "message"),
    [(-1, 3, "a chi-square value must be"), (1, 0, "degrees of freedom must be"), (float("nan"), 3, "a chi-square")],
)
def test_other_numbers_are_refused(value: float, free: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        tail(value, free)
