"""Tests of one feature: its distribution, missing values, new categories, and values out of range.

A breach needs both a change of practical size and evidence that it is no chance. ``ok`` needs enough rows: a change
as large as the limit would be found, and would give a larger value than the measured one, each with 80%.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from rollout_spec.core.drift import FeatureBins, FeatureCounts
from rollout_spec.domain.judgement.verdicts import Verdict
from rollout_spec.domain.statistics import chi_square, exact, histograms
from rollout_spec.domain.statistics.counts import Counts
from rollout_spec.domain.statistics.normal import cumulative
from rollout_spec.domain.statistics.proportions import difference, power_of

MeasureName = Literal["distribution", "missing", "new categories", "out of range"]

LEAST_ROWS = 50
"""The fewest rows with a value on either side; with fewer there is no data."""
POWER = 0.8
"""The probability with which a change as large as the limit is found, if the verdict is ``ok``."""


@dataclass(frozen=True)
class Limits:
    """The accepted change: of a distribution as PSI, of a share as a difference.

    ``alpha`` holds for all tests together.
    """

    psi: float = 0.1
    share: float = 0.05
    alpha: float = 0.05


@dataclass(frozen=True)
class Tested:
    """One measure of a feature before the verdict.

    ``value`` is the PSI, or the difference of two shares. ``p`` is the probability of such a value by chance.
    """

    feature: str
    measure: MeasureName
    value: float
    limit: float
    p: float
    reference: FeatureCounts
    window: FeatureCounts
    bins: FeatureBins
    jensen_shannon: float = math.nan

    @property
    def is_large(self) -> bool:
        """Whether the change has practical size."""
        return abs(self.value) >= self.limit


def measures_of(bins: FeatureBins, reference: FeatureCounts, window: FeatureCounts, limits: Limits) -> Iterator[Tested]:
    """Yield the tests of a feature. Without enough values there is one alone, of the missing values."""

    def tested(measure: MeasureName, value: float, limit: float, p: float, js: float = math.nan) -> Tested:
        return Tested(bins.name, measure, value, limit, p, reference, window, bins, js)

    if has_rows(reference.rows, window.rows):
        missing = _difference(reference.missing, reference.rows, window.missing, window.rows)
        p = exact.fisher(reference.missing, reference.rows, window.missing, window.rows)
        yield tested("missing", missing, limits.share, p)
    if not has_rows(reference.present, window.present):
        return
    value = histograms.psi(reference.bins, window.bins)
    test = histograms.homogeneity(reference.bins, window.bins)
    distance = histograms.jensen_shannon(reference.bins, window.bins)
    yield tested("distribution", value, limits.psi, test.p, distance)
    if not bins.is_text:
        share = (window.below + window.above) / window.present
        yield tested("out of range", share, limits.share, _p_of_range(reference, window))
    elif bins.known:
        share = _difference(bins.singletons, bins.sampled, window.unknown, window.present)
        p = exact.fisher(bins.singletons, bins.sampled, window.unknown, window.present) if share > 0 else 1.0
        yield tested("new categories", share, limits.share, p)


def has_rows(reference: int, window: int) -> bool:
    """Return whether both sides have enough rows for a test."""
    return min(reference, window) >= LEAST_ROWS


def verdict_of(tested: Tested, adjusted: float, alpha: float, tests: int) -> Verdict:
    """Return the verdict on a test, from its probability adjusted for all tests."""
    if tested.is_large and adjusted <= alpha:
        return "breach"
    if tested.is_large:
        return "inconclusive"
    is_shown = min(_power(tested, alpha / tests), _larger_at_limit(tested)) >= POWER
    return "ok" if is_shown else "inconclusive"


def _power(tested: Tested, alpha: float) -> float:
    """Return the probability that a change as large as the limit is found."""
    old, new = tested.reference, tested.window
    if tested.measure == "distribution":
        bins = histograms.homogeneity(old.bins, new.bins).bins
        shift = tested.limit / histograms.noise(old.present, new.present)
        return chi_square.power(max(bins - 1, 1), shift, alpha)
    rate, rows, window_rows = _base(tested)
    if rate + tested.limit >= 1:
        return 1.0
    return power_of(max(rate, 0.5 / rows), rate + tested.limit, rows, window_rows / rows, alpha / 2)


def _larger_at_limit(tested: Tested) -> float:
    """Return the probability of a larger value, if the change is as large as the limit."""
    old, new = tested.reference, tested.window
    if tested.measure == "distribution":
        noise = histograms.noise(old.present, new.present)
        return chi_square.shifted_tail(tested.value / noise, max(len(old.bins) - 1, 1), tested.limit / noise)
    rate, rows, window_rows = _base(tested)
    found = min(max(rate + tested.value, 0.0), 1.0) * window_rows
    error = difference(Counts(rate * rows, rows), Counts(found, window_rows)).unpooled_error
    return cumulative((tested.limit - abs(tested.value)) / error)


def _base(tested: Tested) -> tuple[float, int, int]:
    """Return the rate of the reference, and the rows of both sides."""
    old, new, bins = tested.reference, tested.window, tested.bins
    if tested.measure == "missing":
        return old.missing / old.rows, old.rows, new.rows
    if tested.measure == "new categories":
        return bins.singletons / bins.sampled, bins.sampled, new.present
    return 0.0, old.present, new.present


def _p_of_range(reference: FeatureCounts, window: FeatureCounts) -> float:
    """Return the probability that so many values are beyond the lowest and the highest of the reference."""
    sides = (exact.beyond_all(side, window.present, reference.present) for side in (window.below, window.above))
    return min(2 * min(sides), 1.0)


def _difference(old: int, old_rows: int, new: int, new_rows: int) -> float:
    return new / new_rows - old / old_rows
