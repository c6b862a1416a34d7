"""Similarity of rankings agrees with scipy, and with the published formula, written out."""

from __future__ import annotations

import pytest
from amounts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import oracle

from rollout_spec.domain.divergence.rankings import LONGEST, kendall_tau_b, overlap_at, rbo

some = settings(max_examples=examples(200), deadline=None, database=None, derandomize=True)
rankings = st.lists(st.sampled_from("abcdefghijkl"), unique=True, max_size=12)


@some
@given(rankings, rankings, st.floats(0.1, 0.99))
def test_the_overlap_is_that_of_the_published_equation(first: list[str], second: list[str], p: float) -> None:
    """Equation 32 of Webber, Moffat and Zobel, with sets in place of running counts."""
    short, long = sorted((first, second), key=len)
    if not short:
        assert rbo(first, second, p) == (0.0 if long else 1.0)
        return
    s, end = len(short), len(long)
    common = [len(set(short[:depth]) & set(long[:depth])) for depth in range(end + 1)]
    total = sum(common[depth] / depth * p**depth for depth in range(1, end + 1))
    total += sum(common[s] * (depth - s) / (s * depth) * p**depth for depth in range(s + 1, end + 1))
    expected = (1 - p) / p * total + ((common[end] - common[s]) / end + common[s] / s) * p**end
    assert rbo(first, second, p) == pytest.approx(expected, abs=1e-12)
    assert rbo(first, second, p) == rbo(second, first, p)
    assert 0 <= rbo(first, second, p) <= 1


@some
@given(rankings, rankings)
def test_the_correlation_is_that_of_scipy(first: list[str], second: list[str]) -> None:
    common = [item for item in first if item in second]
    found = kendall_tau_b(first, second)
    if len(common) < 2:
        assert found is None
        return
    expected = oracle("scipy.stats").kendalltau(
        range(len(common)), [second.index(item) for item in common], variant="b"
    )
    assert found == pytest.approx(float(expected.statistic))


@some
@given(rankings, rankings, st.integers(1, 15))
def test_the_overlap_counts_common_items(first: list[str], second: list[str], k: int) -> None:
    longest = max(len(first[:k]), len(second[:k]))
    expected = sum(item in second[:k] for item in first[:k]) / longest if longest else 1.0
    assert overlap_at(first, second, k) == expected


@some
@given(rankings)
def test_equal_rankings_are_as_similar_as_can_be(ranking: list[str]) -> None:
    assert rbo(ranking, ranking) == pytest.approx(1)
    assert overlap_at(ranking, ranking, 5) == 1
    assert kendall_tau_b(ranking, ranking) in (None, 1.0)
    assert kendall_tau_b(ranking, ranking[::-1]) in (None, -1.0)


def test_an_item_counts_at_its_first_place_and_a_ranking_has_an_end() -> None:
    assert rbo("abab", "ab") == rbo("ab", "ab") == 1
    many = list(range(LONGEST))
    assert kendall_tau_b([*many, *range(-5, 0)], [*many, *range(-5, 0)[::-1]]) == 1


def test_other_parameters_are_refused() -> None:
    with pytest.raises(ValueError, match="k must be at least 1, not 0"):
        overlap_at("ab", "ab", 0)
    with pytest.raises(ValueError, match="p must lie strictly between 0 and 1, not 1"):
        rbo("ab", "ab", 1)
