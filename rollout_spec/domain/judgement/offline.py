"""Offline metrics: recorded values, or predictions of both models for the same rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from rollout_spec.domain.judgement.verdicts import Judgement
from rollout_spec.domain.statistics import auc, rmse
from rollout_spec.domain.statistics.normal import quantile
from rollout_spec.spec.rollout import VersionRecord
from rollout_spec.spec.triggers import Offline

HIGHER = frozenset({
    "accuracy", "auc", "auc_roc", "auprc", "average_precision", "balanced_accuracy", "bleu", "f1", "gini", "hit_rate",
    "kappa", "ks", "map", "mcc", "mrr", "ndcg", "pr_auc", "precision", "r2", "recall", "roc_auc", "rouge",
    "sensitivity", "specificity", "spearman",
})  # fmt: skip
LOWER = frozenset({
    "brier", "brier_score", "cer", "cross_entropy", "ece", "error", "error_rate", "hinge", "log_loss", "logloss",
    "loss", "mae", "mape", "max_error", "mse", "msle", "perplexity", "rmse", "rmsle", "smape", "wer",
})  # fmt: skip
"""Well-known metrics, if higher or if lower values are better."""

AREA, SQUARED = frozenset({"auc", "auc_roc", "roc_auc"}), frozenset({"rmse"})
ALPHA = 0.05
"""The accepted probability of a false alarm, if predictions are compared."""


@dataclass(frozen=True)
class Holdout:
    """The label and the scores of both models for each row of one holdout set."""

    labels: Sequence[float]
    stable: Sequence[float]
    candidate: Sequence[float]


def better_direction(metric: str) -> Literal["up", "down"] | None:
    """Return the better direction of a well-known offline metric, None if it is unknown.

    A part of its name before ``_at_`` or ``@``, or a prefix such as ``test_`` or ``val_``, does not matter.
    """
    name = metric.lower().split("@")[0].split("_at_")[0]
    for prefix in ("test_", "val_", "valid_", "validation_", "holdout_", "eval_"):
        name = name.removeprefix(prefix)
    return "up" if name in HIGHER else "down" if name in LOWER else None


def takes_holdout(metric: str) -> bool:
    """Return whether a metric is computed from predictions."""
    return metric.lower() in AREA | SQUARED


def judge_records(
    trigger: Offline, stable: VersionRecord, candidate: VersionRecord, good: Literal["up", "down"] | None
) -> Judgement:
    """Compare the recorded values of a metric. A missing value or NaN is no data."""
    values = [(record.metrics or {}).get(trigger.metric) for record in (stable, candidate)]
    before, after = (float(value) if value is not None else math.nan for value in values)
    if not (math.isfinite(before) and math.isfinite(after)):
        names = [name for name, value in (("stable", before), ("the candidate", after)) if not math.isfinite(value)]
        return Judgement("no-data", f"the record of {' and of '.join(names)} has no {trigger.metric}")
    if good is None:
        message = f"it is unknown if a higher {trigger.metric} is better: declare it in `spec.metrics` with `good`"
        return Judgement("no-data", message)
    loss = (before - after) if good == "up" else (after - before)
    tolerance = float(trigger.tolerance)
    change = f"{trigger.metric} of the candidate is {after:g}, of stable {before:g}; {tolerance:g} worse is accepted"
    accepted = loss <= tolerance + 1e-12 * max(1.0, abs(before), abs(after))
    return Judgement("ok" if accepted else "breach", change, "recorded values")


def judge_holdout(trigger: Offline, holdout: Holdout) -> Judgement | None:
    """Compare predictions of both models for the same rows.

    None if the metric is not computed from predictions. ValueError if the rows cannot be used.
    """
    name, rows = trigger.metric.lower(), (holdout.labels, holdout.stable, holdout.candidate)
    if name in AREA:
        compared, sign, method = auc.auc_difference(*rows), 1, "DeLong"
    elif name in SQUARED:
        compared, sign, method = (
            rmse.rmse_difference(holdout.labels, holdout.stable, holdout.candidate),
            -1,
            "paired delta method",
        )
    else:
        return None
    reach = quantile(1 - ALPHA) * compared.error
    gain, tolerance = sign * compared.value, float(trigger.tolerance)
    message = (
        f"{trigger.metric} of the candidate is {compared.candidate:.6g}, of stable {compared.stable:.6g}, "
        f"for {len(holdout.labels):,} rows; {tolerance:g} worse is accepted"
    )
    interval = (compared.value - reach, compared.value + reach)
    verdict: Literal["ok", "breach", "inconclusive"] = "inconclusive"
    if gain - reach >= -tolerance:
        verdict = "ok"
    elif gain + reach < -tolerance:
        verdict = "breach"
    return Judgement(verdict, message, method, ALPHA, interval=interval)
