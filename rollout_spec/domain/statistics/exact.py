"""Exact tests of counts, valid for any number of rows."""

from __future__ import annotations

import math
from collections.abc import Callable

_NEGLIGIBLE = 1e-18


def mcnemar(only_first: int, only_second: int) -> float:
    """Return the two-sided probability that two answers to the same rows differ so much by chance.

    ``only_first`` rows have only the first answer right, ``only_second`` only the second one.
    Source: McNemar, "Note on the sampling error of the difference between correlated proportions", Psychometrika 12
    (1947), with the binomial distribution.
    """
    fewer, total = min(only_first, only_second), only_first + only_second
    if not total:
        return 1.0
    first = math.exp(_log_choose(total, fewer) - total * math.log(2))
    return min(2 * _sum_down(first, fewer, lambda n: n / (total - n + 1)), 1.0)


def fisher(first_events: int, first_rows: int, second_events: int, second_rows: int) -> float:
    """Return the two-sided probability of such counts, if both samples have the same rate.

    It is twice that of the smaller tail, at most 1.
    Source: Fisher, "The logic of inductive inference", Journal of the Royal Statistical Society 98 (1935).
    """
    events, rows = first_events + second_events, first_rows + second_rows
    if not (first_rows and second_rows and 0 < events < rows):
        return 1.0
    tails = (
        _least(first_events, first_rows, events, rows),
        _least(second_events, second_rows, events, rows),
    )
    return min(2 * min(tails), 1.0)


def beyond_all(beyond: int, window_rows: int, reference_rows: int) -> float:
    """Return the probability that so many rows of a window are above all of the reference.

    It holds if both have the same distribution: then each order of all rows is equally likely. Ties make it smaller.
    Source: Wilks, "Statistical prediction with special reference to the problem of tolerance limits", Annals of
    Mathematical Statistics 13 (1942).
    """
    if not 0 < beyond <= window_rows:
        return 1.0
    total = window_rows + reference_rows
    log = math.lgamma(window_rows + 1) - math.lgamma(window_rows - beyond + 1)
    return min(math.exp(log + math.lgamma(total - beyond + 1) - math.lgamma(total + 1)), 1.0)


def kappa(agreed: float, chance: float) -> float:
    """Return Cohen's kappa from the share of equal answers and the share expected by chance.

    NaN if that is 1.
    Source: Cohen, "A coefficient of agreement for nominal scales", Educational and Psychological Measurement 20 (1960).
    """
    return (agreed - chance) / (1 - chance) if chance < 1 else math.nan


def _least(events: int, drawn: int, all_events: int, rows: int) -> float:
    """Return the probability of at most ``events`` among the drawn rows, without replacement."""
    log = _log_choose(all_events, events) + _log_choose(rows - all_events, drawn - events) - _log_choose(rows, drawn)
    others = rows - all_events - drawn
    return _sum_down(math.exp(log), events, lambda n: n * (others + n) / ((all_events - n + 1) * (drawn - n + 1)))


def _sum_down(first: float, at: int, ratio: Callable[[int], float]) -> float:
    """Return the sum of probabilities from ``at`` down to 0, each the one before times a ratio."""
    term = total = first
    for n in range(at, 0, -1):
        term *= ratio(n)
        total += term
        if term < total * _NEGLIGIBLE:
            break
    return min(total, 1.0)


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
