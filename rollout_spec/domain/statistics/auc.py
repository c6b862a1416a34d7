"""The difference of two areas under the ROC curve on the same rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean, variance

from rollout_spec.domain.statistics.paired import PairedDifference, check_rows


def auc_difference(labels: Sequence[float], stable: Sequence[float], candidate: Sequence[float]) -> PairedDifference:
    """Return the areas of both versions, with the standard error of their difference.

    ValueError unless each label is 0 or 1, each class has at least two rows, and all scores are finite.
    Source: DeLong, DeLong & Clarke-Pearson, Biometrics 44 (1988), by the midranks of Sun & Xu, IEEE Signal Processing
    Letters 21 (2014).
    """
    check_rows(labels, stable, candidate)
    for row, label in enumerate(labels, start=1):
        if label not in (0, 1):
            raise ValueError(f"row {row} of the labels is {label:g}, not 0 or 1")
    positives = sum(map(bool, labels))
    if min(positives, len(labels) - positives) < 2:
        counted = f"{positives} with the label 1 and {len(labels) - positives} with the label 0"
        raise ValueError(f"an AUC needs two rows of each label, not {counted}")
    above_stable, below_stable = _placements(labels, stable)
    above, below = _placements(labels, candidate)
    variances = [
        variance([new - old for new, old in zip(*columns, strict=True)]) / len(columns[0])
        for columns in ((above, above_stable), (below, below_stable))
    ]
    return PairedDifference(fmean(above_stable), fmean(above), math.sqrt(sum(variances)))


def _placements(labels: Sequence[float], scores: Sequence[float]) -> tuple[list[float], list[float]]:
    """Return two columns of shares, with ties as halves.

    They are the share of negatives below each positive, and of positives above each negative.
    """
    classes = {label: [score for score, own in zip(scores, labels, strict=True) if own == label] for label in (0, 1)}
    ranks = _midranks(scores)
    by_class: dict[int, list[float]] = {}
    for label, own in classes.items():
        among_all = (rank for rank, other in zip(ranks, labels, strict=True) if other == label)
        by_class[label] = [rank - inner for rank, inner in zip(among_all, _midranks(own), strict=True)]
    above = [placement / len(classes[0]) for placement in by_class[1]]
    below = [1 - placement / len(classes[1]) for placement in by_class[0]]
    return above, below


def _midranks(scores: Sequence[float]) -> list[float]:
    """Return the rank of each score; equal scores share the mean of their ranks."""
    order = sorted(range(len(scores)), key=scores.__getitem__)
    ranks = [0.0] * len(scores)
    start = 0
    while start < len(order):
        end = start + 1
        while end < len(order) and scores[order[end]] == scores[order[start]]:
            end += 1
        for index in order[start:end]:
            ranks[index] = (start + 1 + end) / 2
        start = end
    return ranks


def auc_of_counts(positives: Sequence[int], negatives: Sequence[int]) -> tuple[float, float]:
    """Return the area of one version and its standard error, from counts.

    These are the rows of each class by ascending score. Rows of one bin are ties. ValueError unless each
    class has at least two rows.
    Source: DeLong, as above.
    """
    if min(sum(positives), sum(negatives)) < 2:
        raise ValueError("an area needs two rows of each class")
    above = _placements_of_counts(positives, negatives)
    below = [1 - share for share in _placements_of_counts(negatives, positives)]
    area, first = _moments(positives, above)
    _, second = _moments(negatives, below)
    return area, math.sqrt(first + second)


def _placements_of_counts(own: Sequence[int], others: Sequence[int]) -> list[float]:
    """Return for each bin the share of the other class below it, with ties as halves."""
    total, below, shares = sum(others), 0, list[float]()
    for other, _ in zip(others, own, strict=True):
        shares.append((below + other / 2) / total)
        below += other
    return shares


def _moments(counts: Sequence[int], values: Sequence[float]) -> tuple[float, float]:
    """Return the mean of values that occur several times, and its variance."""
    total = sum(counts)
    mean = math.fsum(count * value for count, value in zip(counts, values, strict=True)) / total
    squares = math.fsum(count * (value - mean) ** 2 for count, value in zip(counts, values, strict=True))
    return mean, squares / (total - 1) / total
