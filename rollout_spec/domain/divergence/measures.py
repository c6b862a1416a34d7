"""The measures of each kind of output, from counts of one group of rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from rollout_spec.core.divergence import GroupCounts, OutputKind
from rollout_spec.domain.statistics import exact, histograms
from rollout_spec.domain.statistics.counts import Counts
from rollout_spec.domain.statistics.normal import quantile
from rollout_spec.domain.statistics.proportions import wilson

CONFIDENCE = 0.95
"""The confidence of all intervals and limits of the report."""

_PSI_BINS = 10


@dataclass(frozen=True)
class Amount:
    """A measure of one group, see `report.Measure`."""

    name: str
    value: float
    interval: tuple[float, float] | None = None
    limit: float | None = None
    is_share: bool = False
    is_main: bool = False


def amounts_of(group: GroupCounts) -> Iterator[Amount]:
    """Yield the measures of a group; none without a row that can be compared."""
    if group.rows and group.weight > 0:
        yield from _KINDS[group.kind](group)


def _class(group: GroupCounts) -> Iterator[Amount]:
    flips = _share(group, "changed", "flip rate", is_main=True)
    yield flips
    agreed = group.rows - sum(pair.rows for pair in group.pairs if pair.logged != pair.replayed) - group.other_pairs
    if not group.other_pairs:
        value = exact.kappa(agreed / group.rows, group.chance_products / group.rows**2)
        if math.isfinite(value):
            yield Amount("kappa", value)


def _score(group: GroupCounts) -> Iterator[Amount]:
    yield _share(group, "crossed", "crosses the threshold", is_main=True)
    yield from _differences(group)
    logged, replayed = group.logged_bins, group.replayed_bins
    if sum(logged) and sum(replayed):
        yield Amount("Jensen-Shannon", histograms.jensen_shannon(logged, replayed))
        logged, replayed = _wide(logged), _wide(replayed)
        limit = histograms.psi_limit(_used(logged, replayed), sum(logged), sum(replayed), CONFIDENCE)
        yield Amount("PSI", histograms.psi(logged, replayed), limit=limit)


def _number(group: GroupCounts) -> Iterator[Amount]:
    yield from _differences(group, is_main=True)


def _differences(group: GroupCounts, *, is_main: bool = False) -> Iterator[Amount]:
    yield from _mean(group, "absolute", "mean absolute difference", is_main=is_main)
    yield from _mean(group, "bias", "bias")
    square = group.means.get("square")
    if square is not None and square.rows:
        yield Amount("root mean squared difference", math.sqrt(square.value))
    for measure, name in (("absolute", "absolute difference"), ("relative", "relative difference")):
        for probability, value in group.quantiles.get(measure, ()):
            yield Amount(f"{name}, {probability:.0%} quantile", value)


def _ranking(group: GroupCounts) -> Iterator[Amount]:
    yield from _mean(group, "rbo", "rank-biased overlap", is_main=True)
    yield from _mean(group, "overlap", "overlap")
    yield from _mean(group, "tau", "Kendall's tau")


def _text(group: GroupCounts) -> Iterator[Amount]:
    yield _share(group, "changed", "changed texts", is_main=True)
    yield from _mean(group, "edit_ratio", "edit ratio")
    yield from _mean(group, "token_f1", "token F1")
    yield from _mean(group, "length_ratio", "length ratio")


_KINDS: dict[OutputKind, Callable[[GroupCounts], Iterator[Amount]]] = {
    "class": _class,
    "score": _score,
    "number": _number,
    "ranking": _ranking,
    "text": _text,
}


def _share(group: GroupCounts, key: str, name: str, *, is_main: bool = False) -> Amount:
    """Return a weighted share. Its interval takes the rows as if they had equal weights (Kish 1965)."""
    share = min(group.shares.get(key, 0.0) / group.weight, 1.0)
    rows = group.weight**2 / group.weight_squares
    return Amount(name, share, wilson(Counts(share * rows, rows), CONFIDENCE), is_share=True, is_main=is_main)


def _mean(group: GroupCounts, key: str, name: str, *, is_main: bool = False) -> Iterator[Amount]:
    mean = group.means.get(key)
    if mean is not None and mean.rows:
        reach = quantile((1 + CONFIDENCE) / 2) * mean.deviation / math.sqrt(mean.rows)
        yield Amount(name, mean.value, (mean.value - reach, mean.value + reach), is_main=is_main)


def _wide(bins: tuple[int, ...]) -> tuple[int, ...]:
    """Return the counts in ten bins."""
    width = max(len(bins) // _PSI_BINS, 1)
    return tuple(sum(bins[start : start + width]) for start in range(0, len(bins), width))


def _used(logged: tuple[int, ...], replayed: tuple[int, ...]) -> int:
    return sum(1 for first, second in zip(logged, replayed, strict=True) if first or second)
