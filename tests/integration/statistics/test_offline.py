"""Areas and errors on the same rows agree with scikit-learn, and their standard errors with slow definitions."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from amounts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import oracle

from rollout_spec.domain.statistics.auc import auc_difference
from rollout_spec.domain.statistics.paired import PairedDifference
from rollout_spec.domain.statistics.rmse import rmse_difference

some = settings(max_examples=examples(100), deadline=None, database=None, derandomize=True)

Rows = tuple[list[float], list[float], list[float]]
scores = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), min_size=6, max_size=80)


def rows_of(pairs: list[tuple[int, int]]) -> Rows:
    labels = [float(index % 3 == 0) for index in range(len(pairs))]
    return labels, [float(first) for first, _ in pairs], [float(second) for _, second in pairs]


@some
@given(scores)
def test_areas_are_those_of_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    """The scores have many ties. The agreement is to 12 digits."""
    area = oracle("sklearn.metrics").roc_auc_score
    labels, stable, candidate = rows_of(pairs)
    found = auc_difference(labels, stable, candidate)
    assert found.stable == pytest.approx(area(labels, stable), rel=1e-12)
    assert found.candidate == pytest.approx(area(labels, candidate), rel=1e-12)
    assert found.value == found.candidate - found.stable


@some
@given(scores)
def test_the_standard_error_of_areas_is_that_of_the_definition(pairs: list[tuple[int, int]]) -> None:
    """All pairs of a positive and a negative, as DeLong, DeLong and Clarke-Pearson write it."""
    numpy = oracle("numpy")
    labels, stable, candidate = (numpy.array(column) for column in rows_of(pairs))

    def kernel(column: Any) -> Any:
        high, low = column[labels == 1][:, None], column[labels == 0][None, :]
        return (high > low) + (high == low) / 2

    change = kernel(candidate) - kernel(stable)
    above, below = change.mean(axis=1), change.mean(axis=0)
    expected = math.sqrt(above.var(ddof=1) / len(above) + below.var(ddof=1) / len(below))
    found = auc_difference(labels.tolist(), stable.tolist(), candidate.tolist())
    assert found.error == pytest.approx(expected, rel=1e-9, abs=1e-12)


@some
@given(scores)
def test_errors_are_those_of_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    error = oracle("sklearn.metrics").root_mean_squared_error
    labels, stable, candidate = rows_of(pairs)
    found = rmse_difference(labels, stable, candidate)
    assert found.stable == pytest.approx(error(labels, stable), rel=1e-12)
    assert found.candidate == pytest.approx(error(labels, candidate), rel=1e-12)


def noisy(count: int, seed: int, scale: float) -> Rows:
    """Return labels, and two predictions of them: the candidate's errors are ``scale`` times as large."""
    generator = random.Random(seed)
    labels = [generator.gauss(10, 3) for _ in range(count)]
    shared = [generator.gauss(0, 1) for _ in range(count)]
    stable = [label + error for label, error in zip(labels, shared, strict=True)]
    candidate = [label + scale * (error + generator.gauss(0, 0.5)) for label, error in zip(labels, shared, strict=True)]
    return labels, stable, candidate


def test_the_standard_error_of_errors_is_that_of_the_jackknife() -> None:
    columns = noisy(300, 2, 1.1)
    left_out = [
        rmse_difference(*([*column[:row], *column[row + 1 :]] for column in columns)).value for row in range(300)
    ]
    mean = math.fsum(left_out) / 300
    expected = math.sqrt(299 / 300 * math.fsum((value - mean) ** 2 for value in left_out))
    assert rmse_difference(*columns).error == pytest.approx(expected, rel=0.02)


def test_intervals_cover_the_difference_as_often_as_they_say() -> None:
    """95% intervals of 400 samples. The true difference is that of 100,000 rows."""
    truth = math.sqrt(1.1**2 * 1.25) - 1
    found = [rmse_difference(*noisy(200, seed, 1.1)) for seed in range(400)]
    covered = sum(abs(each.value - truth) <= 1.96 * each.error for each in found)
    assert 0.92 <= covered / 400 <= 0.98


def test_equal_versions_differ_by_nothing_for_certain() -> None:
    labels, stable, _ = noisy(50, 1, 1)
    equal = rmse_difference(labels, stable, stable)
    assert equal == PairedDifference(equal.stable, equal.stable, 0.0)
    assert rmse_difference(labels, labels, labels) == PairedDifference(0.0, 0.0, 0.0)
    halves = [float(index % 2) for index in range(50)]
    assert auc_difference(halves, stable, stable).error == 0


def test_real_models_are_told_apart() -> None:
    """Two models of scikit-learn's data on breast cancer: three features in place of thirty are worse."""
    data = oracle("sklearn.datasets").load_breast_cancer()
    linear = oracle("sklearn.linear_model").LogisticRegression
    scaled = oracle("sklearn.pipeline").make_pipeline
    scaler = oracle("sklearn.preprocessing").StandardScaler
    train, test = slice(0, None, 2), slice(1, None, 2)
    columns: list[list[float]] = []
    for features in (data.data, data.data[:, :3]):
        model = scaled(scaler(), linear(max_iter=1000)).fit(features[train], data.target[train])
        columns.append(model.predict_proba(features[test])[:, 1].tolist())
    found = auc_difference(data.target[test].tolist(), *columns)
    assert found.value < -3 * found.error < 0


def columns(**changes: Any) -> Callable[[], Sequence[Any]]:
    whole = {"labels": [0, 0, 1, 1], "stable": [0.1, 0.2, 0.3, 0.4], "candidate": [0.4, 0.3, 0.2, 0.1]} | changes
    return lambda: tuple(whole.values())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (columns(stable=[0.1]), "a paired comparison needs columns of the same length, not 4 labels, 1 scores of st"),
        (columns(candidate=[0.1, math.nan, 0.3, 0.4]), "row 2 of the scores of the candidate is nan, not a finite nu"),
        (columns(stable=[0.1, 0.2, math.inf, 0.4]), "row 3 of the scores of stable is inf, not a finite number"),
        (columns(labels=[0, math.nan, 1, 1]), "row 2 of the labels is nan, not a finite number"),
        (columns(labels=[0, 1, 2, 1]), "row 3 of the labels is 2, not 0 or 1"),
        (columns(labels=[0.5, 1, 1, 0]), "row 1 of the labels is 0.5, not 0 or 1"),
        (
            columns(labels=[1, 1, 1, 1]),
            "an AUC needs two rows of each label, not 4 with the label 1 and 0 with the label 0",
        ),
        (
            columns(labels=[0, 1, 1, 1]),
            "an AUC needs two rows of each label, not 3 with the label 1 and 1 with the label 0",
        ),
        (
            columns(labels=[], stable=[], candidate=[]),
            "an AUC needs two rows of each label, not 0 with the label 1 and 0 with the label 0",
        ),
    ],
)
def test_rows_that_give_no_area_are_refused(make: Callable[[], Sequence[Any]], message: str) -> None:
    with pytest.raises(ValueError) as error:
        auc_difference(*make())
    assert str(error.value).startswith(message)


def test_rows_that_give_no_error_are_refused() -> None:
    with pytest.raises(ValueError, match="a standard error needs two rows, not 1"):
        rmse_difference([1], [2], [3])
    with pytest.raises(ValueError, match="row 2 of the labels is nan"):
        rmse_difference([1, math.nan], [2, 3], [3, 4])
