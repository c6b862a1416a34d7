"""Precision, recall and AUC of a version, as labels arrive."""

from __future__ import annotations

from dataclasses import dataclass

from rollout_spec.core.drift import LabelledCounts
from rollout_spec.domain.statistics.auc import auc_of_counts
from rollout_spec.domain.statistics.counts import Counts
from rollout_spec.domain.statistics.normal import quantile
from rollout_spec.domain.statistics.proportions import wilson

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Rate:
    """A share of rows with its interval."""

    counts: Counts
    interval: tuple[float, float]


@dataclass(frozen=True)
class Performance:
    """The answers of one version that have a label.

    ``labelled`` rows have a label of 0 or 1, ``unlabelled`` ones have none yet, and ``unusable`` ones another label, or
    a score outside of 0 to 1. ``auc`` has its interval; None without two rows of each label.
    """

    version: str
    output: str
    labelled: int
    unlabelled: int
    unusable: int
    precision: Rate
    recall: Rate
    auc: float | None = None
    auc_interval: tuple[float, float] | None = None


def performance_of(version: str, output: str, counts: LabelledCounts, threshold: float) -> Performance:
    """Return precision and recall at a threshold, and the AUC, of one version."""
    start = round(threshold * len(counts.positives))
    found, false = sum(counts.positives[start:]), sum(counts.negatives[start:])
    positives, negatives = sum(counts.positives), sum(counts.negatives)
    area, interval = None, None
    if min(positives, negatives) >= 2:
        area, error = auc_of_counts(counts.positives, counts.negatives)
        reach = quantile((1 + CONFIDENCE) / 2) * error
        interval = max(area - reach, 0.0), min(area + reach, 1.0)
    return Performance(
        version=version,
        output=output,
        labelled=positives + negatives,
        unlabelled=counts.unlabelled,
        unusable=counts.unusable,
        precision=_rate(found, found + false),
        recall=_rate(found, positives),
        auc=area,
        auc_interval=interval,
    )


def _rate(events: int, total: int) -> Rate:
    counts = Counts(events, total)
    return Rate(counts, wilson(counts, CONFIDENCE))
