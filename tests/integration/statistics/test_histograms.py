"""Distances of histograms agree with scipy, and the index between equal distributions has the stated noise."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from amounts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import oracle

from rollout_spec.domain.statistics.histograms import homogeneity, jensen_shannon, psi, psi_limit

some = settings(max_examples=examples(200), deadline=None, database=None, derandomize=True)
pairs = st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500)), min_size=2, max_size=20).filter(
    lambda rows: all(sum(column) for column in zip(*rows, strict=True))
)
Pairs = list[tuple[int, int]]


def columns(rows: Pairs) -> tuple[list[int], list[int]]:
    return [first for first, _ in rows], [second for _, second in rows]


@some
@given(pairs)
def test_jensen_shannon_is_that_of_scipy(rows: Pairs) -> None:
    old, new = columns(rows)
    expected = float(oracle("scipy.spatial.distance").jensenshannon(old, new, base=2)) ** 2
    assert jensen_shannon(old, new) == pytest.approx(expected, abs=1e-9)
    assert 0 <= jensen_shannon(old, new) <= 1


@some
@given(pairs)
def test_the_index_is_the_sum_of_both_relative_entropies(rows: Pairs) -> None:
    old, new = columns(rows)
    entropy = oracle("scipy.stats").entropy
    first, second = [count + 0.5 for count in old], [count + 0.5 for count in new]
    assert psi(old, new) == pytest.approx(float(entropy(first, second) + entropy(second, first)), abs=1e-12)
    assert psi(old, new) == pytest.approx(psi(new, old))


@some
@given(pairs)
def test_the_test_is_that_of_scipy_if_no_bin_is_sparse(rows: Pairs) -> None:
    old, new = columns([(first + 20, second + 20) for first, second in rows])
    expected = oracle("scipy.stats").chi2_contingency([old, new], correction=False)
    found = homogeneity(old, new, least=1e-9)
    assert found.statistic == pytest.approx(expected.statistic, rel=1e-9, abs=1e-9)
    assert found.p == pytest.approx(expected.pvalue, rel=1e-7, abs=1e-300)


@some
@given(pairs)
def test_no_merged_bin_expects_fewer_rows_than_allowed(rows: Pairs) -> None:
    old, new = columns(rows)
    found = homogeneity(old, new)
    assert 1 <= found.bins <= max(min(sum(old), sum(new)) / 5, 1)
    assert 0 <= found.p <= 1


def test_the_index_of_equal_distributions_stays_below_its_limit_as_often_as_stated() -> None:
    """2,000 pairs of samples in ten equal bins. The share of 0.1, without statistics, is a third at 200 rows."""
    numpy = oracle("numpy")
    for rows, above in ((200, 0.317), (1_000, 0.0)):
        counts = numpy.random.default_rng(rows).multinomial(rows, [0.1] * 10, size=(2_000, 2))
        found = [psi(old.tolist(), new.tolist()) for old, new in counts]
        below = sum(value <= psi_limit(10, rows, rows) for value in found) / 2_000
        assert 0.93 <= below <= 0.97
        assert sum(value > 0.1 for value in found) / 2_000 == pytest.approx(above, abs=0.05)


def test_empty_histograms_are_no_number_and_no_evidence() -> None:
    assert math.isnan(psi([0, 0], [1, 2]))
    assert math.isnan(jensen_shannon([1, 2], [0, 0]))
    assert homogeneity([0, 0], [1, 2]).p == 1
    assert homogeneity([10], [20]).p == 1
    assert psi_limit(1, 10, 10) == 0


@pytest.mark.parametrize("distance", [psi, jensen_shannon, homogeneity])
def test_histograms_of_other_bins_are_refused(distance: Callable[..., object]) -> None:
    with pytest.raises(ValueError, match="two histograms need the same bins, not 1 and 2"):
        distance([1], [1, 2])
    with pytest.raises(ValueError, match="a count must be a finite number"):
        distance([1, math.nan], [1, 2])
