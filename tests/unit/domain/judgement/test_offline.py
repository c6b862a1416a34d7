"""Offline metrics: recorded values with their tolerance, or predictions of both models for the same rows."""

from __future__ import annotations

import random
from decimal import Decimal

import pytest

from rollout_spec.domain.judgement.offline import Holdout, better_direction, judge_holdout, judge_records
from rollout_spec.spec.rollout import VersionRecord
from rollout_spec.spec.triggers import Offline

AUC = Offline(name="offline-auc", type="offline", metric="auc", tolerance=Decimal("0.002"))
RMSE = Offline(name="offline-rmse", type="offline", metric="rmse", tolerance=Decimal("0.5"))


def record(value: str | None, metric: str = "auc") -> VersionRecord:
    return VersionRecord(metrics=None if value is None else {metric: Decimal(value)})


@pytest.mark.parametrize(
    ("stable", "candidate", "verdict"),
    [
        ("0.91", "0.92", "ok"),
        ("0.91", "0.91", "ok"),
        ("0.91", "0.908", "ok"),
        ("0.91", "0.9079", "breach"),
        ("0.91", None, "no-data"),
        (None, "0.92", "no-data"),
    ],
)
def test_recorded_values(stable: str | None, candidate: str | None, verdict: str) -> None:
    assert judge_records(AUC, record(stable), record(candidate), "up").verdict == verdict


def test_a_lower_error_is_better() -> None:
    better, worse = record("10", "rmse"), record("10.6", "rmse")
    assert judge_records(RMSE, better, worse, "down").verdict == "breach"
    assert judge_records(RMSE, worse, better, "down").verdict == "ok"


def test_an_unknown_direction_is_no_data() -> None:
    judgement = judge_records(AUC, record("0.9"), record("0.8"), None)
    assert judgement.verdict == "no-data"
    assert "declare it in `spec.metrics`" in judgement.message


@pytest.mark.parametrize(
    ("metric", "direction"),
    [("auc", "up"), ("test_rmse", "down"), ("ndcg@10", "up"), ("recall_at_5", "up"), ("LogLoss", "down"), ("x", None)],
)
def test_well_known_directions(metric: str, direction: str | None) -> None:
    assert better_direction(metric) == direction


def holdout(noise: float, rows: int = 2000) -> Holdout:
    chance = random.Random(3)
    labels = [float(chance.random() < 0.3) for _ in range(rows)]
    good = [label + chance.gauss(0, 0.6) for label in labels]
    return Holdout(labels, good, [score + chance.gauss(0, noise) for score in good])


def test_predictions_of_a_worse_model_are_a_breach() -> None:
    judgement = judge_holdout(AUC, holdout(2.0))
    assert judgement is not None
    assert (judgement.verdict, judgement.method) == ("breach", "DeLong")
    assert judgement.interval is not None and judgement.interval[1] < -0.002


def test_equal_predictions_are_ok() -> None:
    judgement = judge_holdout(AUC, holdout(0.0))
    assert judgement is not None and judgement.verdict == "ok"


def test_a_small_difference_is_inconclusive() -> None:
    judgement = judge_holdout(AUC, holdout(0.15, rows=300))
    assert judgement is not None and judgement.verdict == "inconclusive"


def test_errors_of_predictions() -> None:
    rows = holdout(1.0)
    values = Holdout([10 * each for each in rows.labels], rows.stable, rows.candidate)
    judgement = judge_holdout(RMSE, Holdout(values.labels, values.labels, [each + 3 for each in values.labels]))
    assert judgement is not None and judgement.verdict == "breach"


def test_another_metric_is_not_computed() -> None:
    assert judge_holdout(AUC.model_copy(update={"metric": "ndcg"}), holdout(0.1)) is None


@pytest.mark.parametrize("wrong", ["nan", "one class", "length", "labels"])
def test_bad_rows_are_an_error(wrong: str) -> None:
    labels, stable, candidate = [0.0, 1.0, 0.0, 1.0], [0.1, 0.9, 0.2, 0.8], [0.1, 0.9, 0.2, 0.8]
    if wrong == "nan":
        candidate[2] = float("nan")
    elif wrong == "one class":
        labels = [1.0] * 4
    elif wrong == "length":
        stable = stable[:3]
    else:
        labels[1] = 2.0
    with pytest.raises(ValueError, match=r"row|rows|same length|labels"):
        judge_holdout(AUC, Holdout(labels, stable, candidate))
