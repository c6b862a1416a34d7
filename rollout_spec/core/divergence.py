"""Counts of replayed requests: an engine reads them from pairs of answers, and a report judges them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

OutputKind = Literal["class", "score", "number", "ranking", "text"]
"""The kind of an output. A score lies between 0 and 1, a number anywhere."""

Arm = Literal["failed", "floor"]
"""``failed``: logged requests of the failed version. ``floor``: those of the restored version, as the noise floor."""

SCORE_BINS = 100
"""The bins of equal width between 0 and 1 in which scores are counted."""


@dataclass(frozen=True, slots=True)
class Mean:
    """The mean of a measure, and the deviation of its rows. ``rows`` are those with a value."""

    rows: int
    value: float
    deviation: float


@dataclass(frozen=True, slots=True)
class Labelled:
    """Rows with a label, by whether the logged and the replayed answer agree with it."""

    both_right: int
    only_logged_right: int
    only_replayed_right: int
    both_wrong: int


@dataclass(frozen=True, slots=True)
class ClassPair:
    """The rows with one logged and one replayed class."""

    logged: str | None
    replayed: str | None
    rows: int


@dataclass(frozen=True, slots=True)
class GroupCounts:
    """Counts of one output in one arm. ``segment`` is None for all rows together.

    ``weight`` is the sum of the rows' weights, ``weight_squares`` the sum of their squares. ``unusable`` rows lack a
    value, or have NaN; no other field counts them. ``shares`` are sums of the weights of rows with a property:
    ``changed`` (classes, texts), ``crossed`` (scores on different sides of the threshold). ``means`` are by measure,
    ``quantiles`` by measure and probability. ``logged_bins`` and ``replayed_bins`` are the rows by score.
    ``pairs`` are the most frequent classes, ``other_pairs`` the rows of all others. ``chance_products`` is the sum
    over classes of logged times replayed rows.
    """

    output: str
    kind: OutputKind
    arm: Arm
    segment: str | None
    rows: int
    weight: float
    weight_squares: float
    unusable: int = 0
    shares: Mapping[str, float] = field(default_factory=dict)
    means: Mapping[str, Mean] = field(default_factory=dict)
    quantiles: Mapping[str, tuple[tuple[float, float], ...]] = field(default_factory=dict)
    logged_bins: tuple[int, ...] = ()
    replayed_bins: tuple[int, ...] = ()
    pairs: tuple[ClassPair, ...] = ()
    other_pairs: int = 0
    chance_products: int = 0
    labelled: Labelled | None = None


@dataclass(frozen=True, slots=True)
class DivergenceCounts:
    """The counts of all outputs. ``segments_left_out`` is the number of segments beyond the largest ones."""

    groups: tuple[GroupCounts, ...]
    segments_left_out: int = 0
