"""The distance of two histograms, and the noise in it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from rollout_spec.domain.statistics import chi_square
from rollout_spec.domain.statistics.counts import check_number

_ADDED = 0.5
"""Added to each count of an index, so that an empty bin has a finite logarithm."""


@dataclass(frozen=True)
class HomogeneityTest:
    """Pearson's test that two histograms have the same shares.

    ``bins`` are those after sparse ones are merged.
    """

    statistic: float
    bins: int
    p: float


def psi(reference: Sequence[float], window: Sequence[float]) -> float:
    """Return the population stability index of two histograms, 0 if their shares are equal.

    NaN if one is empty. Each count has 0.5 added. ValueError unless both have the same bins.
    Source: Yurdakul & Naranjo, "Statistical properties of the population stability index", Journal of Risk Model
    Validation 14 (2020).
    """
    _check(reference, window)
    if not (sum(reference) and sum(window)):
        return math.nan
    first, second = _shares(reference, _ADDED), _shares(window, _ADDED)
    return math.fsum((q - p) * math.log(q / p) for p, q in zip(first, second, strict=True))


def noise(reference_rows: float, window_rows: float) -> float:
    """Return the scale of the index between equal distributions: 1/n + 1/m.

    The index divided by it has a chi-square distribution, with one degree of freedom less than bins.
    """
    return 1 / reference_rows + 1 / window_rows


def psi_limit(bins: int, reference_rows: float, window_rows: float, probability: float = 0.95) -> float:
    """Return the index that equal distributions stay below with a probability."""
    return chi_square.quantile(probability, bins - 1) * noise(reference_rows, window_rows) if bins > 1 else 0.0


def jensen_shannon(reference: Sequence[float], window: Sequence[float]) -> float:
    """Return the divergence to the base 2: 0 for equal shares, 1 without a common bin.

    NaN if one is empty.
    Source: Lin, "Divergence measures based on the Shannon entropy", IEEE Transactions on Information Theory 37 (1991).
    """
    _check(reference, window)
    if not (sum(reference) and sum(window)):
        return math.nan
    first, second = _shares(reference, 0.0), _shares(window, 0.0)
    middle = [(p + q) / 2 for p, q in zip(first, second, strict=True)]
    parts = (
        share * math.log2(share / mean) / 2
        for shares in (first, second)
        for share, mean in zip(shares, middle, strict=True)
        if share
    )
    return min(max(math.fsum(parts), 0.0), 1.0)


def homogeneity(reference: Sequence[float], window: Sequence[float], least: float = 5.0) -> HomogeneityTest:
    """Test that two histograms have the same shares.

    Neighbours merge until at least ``least`` rows are expected in each. With a single bin, or an empty histogram,
    nothing can be found: p is 1.
    Source: Pearson 1900; Cochran, "Some methods for strengthening the common chi-square tests", Biometrics 10 (1954).
    """
    _check(reference, window)
    n, m = sum(reference), sum(window)
    if not (n and m):
        return HomogeneityTest(0.0, 0, 1.0)
    pairs = _merged(list(zip(reference, window, strict=True)), least * (n + m) / min(n, m))
    statistic = math.fsum((a * m - b * n) ** 2 / (a + b) for a, b in pairs) / (n * m)
    p = chi_square.tail(statistic, len(pairs) - 1) if len(pairs) > 1 else 1.0
    return HomogeneityTest(statistic, len(pairs), p)


def _merged(pairs: list[tuple[float, float]], least: float) -> list[tuple[float, float]]:
    """Return bins with at least ``least`` rows of both, each made of neighbours."""
    merged: list[tuple[float, float]] = []
    a = b = 0.0
    for more_a, more_b in pairs:
        a, b = a + more_a, b + more_b
        if a + b >= least:
            merged.append((a, b))
            a = b = 0.0
    if merged:
        last = merged.pop()
        return [*merged, (last[0] + a, last[1] + b)]
    return [(a, b)]


def _shares(counts: Sequence[float], added: float) -> list[float]:
    total = math.fsum(counts) + added * len(counts)
    return [(count + added) / total for count in counts]


def _check(reference: Sequence[float], window: Sequence[float]) -> None:
    if len(reference) != len(window):
        raise ValueError(f"two histograms need the same bins, not {len(reference)} and {len(window)}")
    for count in (*reference, *window):
        check_number("a count", count)
