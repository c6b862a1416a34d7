"""Histograms of the differences between replayed and logged numbers."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rollout_spec.core.divergence import Arm

BINS = 41
"""The bins of a histogram: an odd number, so that one has 0 in its middle."""
_REACH = 0.995
"""The share of the differences that lie inside of the outermost edges."""


@dataclass(frozen=True)
class DifferenceHistogram:
    """The differences of one output, replayed minus logged, of both arms in the same bins.

    ``edges`` has one more entry than there are bins. The first and the last bin also hold all differences beyond.
    """

    output: str
    edges: tuple[float, ...]
    failed: tuple[int, ...]
    floor: tuple[int, ...]


def difference_histograms(differences: Mapping[tuple[str, Arm], array[float]]) -> tuple[DifferenceHistogram, ...]:
    """Return a histogram for each output with at least one difference."""
    found = []
    for output in dict.fromkeys(name for name, _ in differences):
        failed, floor = (differences.get((output, arm), array("d")) for arm in ("failed", "floor"))
        if failed:
            edges = _edges(failed, floor)
            found.append(DifferenceHistogram(output, edges, _counted(failed, edges), _counted(floor, edges)))
    return tuple(found)


def quantile(values: Sequence[float], share: float) -> float:
    """Return a quantile of sorted values, interpolated between two of them."""
    place = share * (len(values) - 1)
    low = int(place)
    high = min(low + 1, len(values) - 1)
    return values[low] + (values[high] - values[low]) * (place - low)


def _edges(failed: Sequence[float], floor: Sequence[float]) -> tuple[float, ...]:
    """Return edges around 0 that hold nearly all differences."""
    reach = max(quantile(sorted(map(abs, values)), _REACH) for values in (failed, floor) if values)
    width = (reach or 1.0) * 2 / BINS
    return tuple((at - BINS / 2) * width for at in range(BINS + 1))


def _counted(values: Sequence[float], edges: Sequence[float]) -> tuple[int, ...]:
    counts = [0] * (len(edges) - 1)
    for value in values:
        counts[min(max(bisect_right(edges, value) - 1, 0), len(counts) - 1)] += 1
    return tuple(counts)
