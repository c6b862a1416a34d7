"""Similarity of two rankings.

A ranking is a list of items, the best first. An item counts at its first place.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

LONGEST = 10_000
"""The most items of a ranking that are compared."""


def overlap_at(logged: Sequence[Hashable], replayed: Sequence[Hashable], k: int) -> float:
    """Return the share of common items among the first ``k`` of both, 1 if both are empty.

    The share is of ``k``, or of the longer ranking if that is shorter. ValueError if ``k`` is below 1.
    """
    if k < 1:
        raise ValueError(f"k must be at least 1, not {k}")
    first, second = _items(logged)[:k], _items(replayed)[:k]
    longest = max(len(first), len(second))
    return len(set(first) & set(second)) / longest if longest else 1.0


def rbo(logged: Sequence[Hashable], replayed: Sequence[Hashable], p: float = 0.9) -> float:
    """Return the rank-biased overlap, extrapolated to rankings without an end. It is 1 if both are equal.

    ``p`` is the probability that a reader who looks at an item looks at the next one too. ValueError unless it lies
    strictly between 0 and 1.
    Source: Webber, Moffat & Zobel, "A similarity measure for indefinite rankings", TOIS 28 (2010), equation 32.
    """
    if not 0 < p < 1:
        raise ValueError(f"p must lie strictly between 0 and 1, not {p}")
    short, long = sorted((_items(logged), _items(replayed)), key=len)
    if not short:
        return 0.0 if long else 1.0
    common, at_short, total = 0, 0, 0.0
    seen_short, seen_long = set[Hashable](), set[Hashable]()
    for depth, item in enumerate(long, start=1):
        if depth <= len(short):
            seen_short.add(short[depth - 1])
            common += short[depth - 1] in seen_long
        seen_long.add(item)
        common += item in seen_short
        if depth == len(short):
            at_short = common
        agreement = common / depth
        if depth > len(short):
            agreement += at_short * (depth - len(short)) / (len(short) * depth)
        total += agreement * p**depth
    extrapolated = (common - at_short) / len(long) + at_short / len(short)
    return min((1 - p) / p * total + extrapolated * p ** len(long), 1.0)


def kendall_tau_b(logged: Sequence[Hashable], replayed: Sequence[Hashable]) -> float | None:
    """Return Kendall's rank correlation of the common items, None if there are fewer than two.

    No two items of a ranking share a place, so tau-b is tau.
    Source: Knight, "A computer method for calculating Kendall's tau with ungrouped data", JASA 61 (1966).
    """
    places = {item: place for place, item in enumerate(_items(replayed))}
    common = [places[item] for item in _items(logged) if item in places]
    pairs = len(common) * (len(common) - 1) // 2
    if not pairs:
        return None
    return 1 - 2 * _inversions(common) / pairs


def _items(ranking: Sequence[Hashable]) -> list[Hashable]:
    """Return the items without repetitions, at most `LONGEST`."""
    return list(dict.fromkeys(ranking[:LONGEST]))


def _inversions(numbers: list[int]) -> int:
    """Return the number of pairs in descending order, by a merge sort."""
    width, found = 1, 0
    while width < len(numbers):
        merged: list[int] = []
        for start in range(0, len(numbers), 2 * width):
            left, right = numbers[start : start + width], numbers[start + width : start + 2 * width]
            at = 0
            for number in right:
                while at < len(left) and left[at] < number:
                    merged.append(left[at])
                    at += 1
                found += len(left) - at
                merged.append(number)
            merged += left[at:]
        numbers, width = merged, 2 * width
    return found
