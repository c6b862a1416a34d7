"""Precision, recall and AUC of a version, from counts of its scores."""

from __future__ import annotations

import numpy as np
import pytest
from oracles import oracle

from rollout_spec.core.drift import LABEL_BINS, LabelledCounts
from rollout_spec.domain.drift.labelled import performance_of
from rollout_spec.domain.statistics.counts import Counts
from rollout_spec.domain.statistics.proportions import wilson


def test_figures_are_those_of_scikit_learn() -> None:
    metrics = oracle("sklearn.metrics")
    generator = np.random.default_rng(1)
    labels = generator.integers(0, 2, 4_000)
    bins = np.minimum((generator.beta(2 + labels, 4) * LABEL_BINS).astype(int), LABEL_BINS - 1)
    sides = [tuple(np.bincount(bins[labels == label], minlength=LABEL_BINS).tolist()) for label in (1, 0)]
    found = performance_of("42", "output.score", LabelledCounts(7, 3, *sides), 0.4)
    answers = bins >= 400
    assert found.precision.counts.rate == pytest.approx(float(metrics.precision_score(labels, answers)))
    assert found.recall.counts.rate == pytest.approx(float(metrics.recall_score(labels, answers)))
    assert found.auc == pytest.approx(float(metrics.roc_auc_score(labels, bins)))
    assert found.auc_interval is not None
    low, high = found.auc_interval
    assert 0.6 < low < (found.auc or 0) < high < low + 0.05
    assert found.recall.interval == wilson(found.recall.counts, 0.95)
    assert (found.labelled, found.unlabelled, found.unusable) == (4_000, 7, 3)


def test_without_both_labels_there_is_no_area() -> None:
    nothing = (0,) * LABEL_BINS
    found = performance_of("42", "output.score", LabelledCounts(9, 0, nothing, nothing), 0.5)
    assert (found.auc, found.precision.counts, found.recall.interval) == (None, Counts(0, 0), (0.0, 1.0))
