"""The difference of two root mean squared errors on the same rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean, stdev

from rollout_spec.domain.statistics.paired import PairedDifference, check_rows


def rmse_difference(labels: Sequence[float], stable: Sequence[float], candidate: Sequence[float]) -> PairedDifference:
    """Return the errors of both versions, with the standard error of their difference.

    ValueError unless there are two rows, and all numbers are finite.
    Source: the delta method on paired rows; van der Vaart, "Asymptotic statistics" (1998), chapter 3.
    """
    check_rows(labels, stable, candidate)
    if len(labels) < 2:
        raise ValueError(f"a standard error needs two rows, not {len(labels)}")
    (old, old_parts), (new, new_parts) = (_influence(labels, scores) for scores in (stable, candidate))
    parts = [after - before for after, before in zip(new_parts, old_parts, strict=True)]
    return PairedDifference(old, new, stdev(parts) / math.sqrt(len(parts)))


def _influence(labels: Sequence[float], scores: Sequence[float]) -> tuple[float, list[float]]:
    """Return the error of a version, and the part of each row in it.

    Without any error all parts are 0.
    """
    squares = [(score - label) ** 2 for score, label in zip(scores, labels, strict=True)]
    root = math.sqrt(fmean(squares))
    return root, [square / (2 * root) if root else 0.0 for square in squares]
