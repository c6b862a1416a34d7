"""The area of one version from counts is that of its rows, and so is its standard error."""

from __future__ import annotations

import math

import pytest
from amounts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import oracle

from rollout_spec.domain.statistics.auc import auc_difference, auc_of_counts

bins = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=3, max_size=12).filter(
    lambda rows: min(sum(column) for column in zip(*rows, strict=True)) >= 2
)


@settings(max_examples=examples(100), deadline=None, database=None, derandomize=True)
@given(bins)
def test_counts_give_the_area_of_their_rows(rows: list[tuple[int, int]]) -> None:
    positives, negatives = ([row[side] for row in rows] for side in (0, 1))
    scores = [place for place, row in enumerate(rows) for _ in range(sum(row))]
    labels = [float(index < row[0]) for row in rows for index in range(sum(row))]
    area, error = auc_of_counts(positives, negatives)
    assert area == pytest.approx(float(oracle("sklearn.metrics").roc_auc_score(labels, scores)))
    constant = auc_difference(labels, [0.0] * len(scores), [float(score) for score in scores])
    assert error == pytest.approx(constant.error, abs=1e-12)


def test_an_area_needs_two_rows_of_each_class() -> None:
    with pytest.raises(ValueError, match="two rows of each class"):
        auc_of_counts([1, 0], [2, 2])
    assert auc_of_counts([0, 5], [5, 0]) == (1.0, 0.0)
    assert not math.isnan(auc_of_counts([1, 1], [1, 1])[1])
