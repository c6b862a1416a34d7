"""Exact tests agree with scipy, kappa with scikit-learn, and Holm's adjustment with statsmodels."""

from __future__ import annotations

import math
from itertools import permutations
from unittest.mock import patch

import pytest
from amounts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import oracle

from rollout_spec.domain.statistics.exact import beyond_all, fisher, kappa, mcnemar
from rollout_spec.domain.statistics.multiple import holm

some = settings(max_examples=examples(200), deadline=None, database=None, derandomize=True)
few = st.integers(0, 60)


@some
@given(few, few)
def test_mcnemar_is_that_of_statsmodels(first: int, second: int) -> None:
    test = oracle("statsmodels.stats.contingency_tables").mcnemar
    expected = test([[7, first], [second, 9]], exact=True).pvalue if first + second else 1.0
    assert mcnemar(first, second) == pytest.approx(float(expected), rel=1e-9)


@some
@given(few, few, few, few)
def test_fisher_is_that_of_scipy(first: int, others: int, second: int, more: int) -> None:
    test = oracle("scipy.stats").fisher_exact
    table = [[first, others], [second, more]]
    tails = [float(test(table, alternative=side)[1]) for side in ("less", "greater")]
    expected = min(2 * min(tails), 1.0)
    assert fisher(first, first + others, second, second + more) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("window", "reference"), [(2, 3), (3, 3), (4, 2)])
def test_rows_beyond_all_others_are_counted_over_all_orders(window: int, reference: int) -> None:
    orders = [order[:window] for order in permutations(range(window + reference))]
    for beyond in range(1, window + 1):
        top = set(range(window + reference - beyond, window + reference))
        share = sum(top <= set(order) for order in orders) / len(orders)
        assert beyond_all(beyond, window, reference) == pytest.approx(share)
    assert beyond_all(0, window, reference) == 1


def test_large_counts_are_quick_and_finite() -> None:
    assert mcnemar(5_000_000, 5_000_000) == 1
    assert mcnemar(5_000_000, 5_020_000) < 1e-9
    assert 0.6 < fisher(5_000_000, 10_000_000, 5_001_000, 10_000_000) < 0.7
    assert beyond_all(1_000_000, 10_000_000, 10_000_000) == 0


@some
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=4, max_size=60))
def test_kappa_is_that_of_scikit_learn(rows: list[tuple[int, int]]) -> None:
    old, new = ([row[side] for row in rows] for side in (0, 1))
    size = len(rows)
    chance = sum(old.count(each) * new.count(each) for each in range(4)) / size**2
    found = kappa(sum(first == second for first, second in rows) / size, chance)
    if chance == 1:
        assert math.isnan(found)
    else:
        assert found == pytest.approx(float(oracle("sklearn.metrics").cohen_kappa_score(old, new)))


@some
@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_the_adjustment_is_that_of_statsmodels(probabilities: list[float]) -> None:
    with patch("gc.collect"):  # which statsmodels calls each time
        expected = oracle("statsmodels.stats.multitest").multipletests(probabilities, method="holm")[1]
    assert holm(probabilities) == pytest.approx(expected.tolist())


def test_no_test_needs_no_adjustment() -> None:
    assert holm([]) == []
