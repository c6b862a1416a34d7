"""Counts of the values of features in a reference and in a window.

An engine reads them, and ``domain/drift`` judges them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

LABEL_BINS = 1_000
"""The bins of equal width between 0 and 1 in which scores of labelled rows are counted."""


@dataclass(frozen=True, slots=True)
class RowFilter:
    """Rows of a version from ``since`` on and before ``until``; None stands for any version or time."""

    version: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class FeatureBins:
    """The bins in which the values of a feature are counted, from a sample of the reference.

    The bins of a number end at ``edges``, and one more is above the last edge. A text has a bin for each of
    ``categories``, and one for all others. ``known`` are all categories of the sample, none if they are too many.
    ``singletons`` is the number of those that it has once.
    """

    name: str
    is_text: bool
    sampled: int
    edges: tuple[float, ...] = ()
    categories: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    singletons: int = 0


@dataclass(frozen=True, slots=True)
class FeatureCounts:
    """The values of a feature in some rows.

    ``missing`` rows have no value, or NaN; the bins count the others. ``low``, ``high``, ``mean`` and ``deviation``
    are of finite numbers, None without one. ``lowest`` and ``highest`` may be infinite. ``below`` and ``above`` are
    beyond the range that was asked for.
    ``unknown`` texts are not among the known categories.
    """

    rows: int
    missing: int
    bins: tuple[int, ...]
    low: float | None = None
    high: float | None = None
    mean: float | None = None
    deviation: float | None = None
    below: int = 0
    above: int = 0
    unknown: int = 0
    lowest: float | None = None
    highest: float | None = None

    @property
    def present(self) -> int:
        """The rows with a value."""
        return self.rows - self.missing


@dataclass(frozen=True, slots=True)
class DriftCounts:
    """The counts of both sides by feature.

    ``unplaced_rows`` of the log have no version or no time, so that they are on neither side.
    """

    bins: Mapping[str, FeatureBins]
    reference: Mapping[str, FeatureCounts]
    window: Mapping[str, FeatureCounts]
    reference_rows: int
    window_rows: int
    only_in_reference: tuple[str, ...] = ()
    only_in_window: tuple[str, ...] = ()
    unplaced_rows: int = 0


@dataclass(frozen=True, slots=True)
class LabelledCounts:
    """The scores of labelled rows, in bins of equal width between 0 and 1.

    ``unlabelled`` rows have a score and no label, ``unusable`` ones a label that is neither 0 nor 1, or a score
    outside of 0 to 1. ``positives`` and ``negatives`` are the rows by score.
    """

    unlabelled: int = 0
    unusable: int = 0
    positives: tuple[int, ...] = ()
    negatives: tuple[int, ...] = ()
