"""A comparison without a planned end: an interval that holds at all times.

It is asymptotic: its error rate nears alpha from a few dozen events on.
Source: Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas, "Time-uniform central limit theory and asymptotic confidence
sequences", Annals of Statistics 52 (2024), one-sided.
"""

from __future__ import annotations

import math

from rollout_spec.domain.statistics.counts import check_number
from rollout_spec.domain.statistics.normal import check_probability

DEFAULT_TOTAL = 5000.0
"""The requests of both versions after which the bound is tightest, if no plan says otherwise."""


def half_width(error: float, total: float, alpha: float, optimal_total: float) -> float:
    """Return the distance of a one-sided bound from the estimate, at any time.

    ``error`` is the standard error after ``total`` requests of both versions. The bound is tightest, relative to a
    single test, after ``optimal_total`` requests. Infinite without traffic.
    """
    check_number("a standard error", error)
    return error * critical(total, alpha, optimal_total) if total else math.inf


def critical(total: float, alpha: float, optimal_total: float) -> float:
    """Return the critical value of the z-value after ``total`` requests, one-sided."""
    check_probability("alpha", alpha)
    if not (total > 0 and optimal_total > 0):
        raise ValueError(f"requests must be above 0, not {total} and {optimal_total}")
    scale = total * _tuning(alpha) / optimal_total
    return math.sqrt(2 * (scale + 1) / scale * math.log1p(math.sqrt(scale + 1) / (2 * alpha)))


def bounds(value: float, error: float, total: float, alpha: float, optimal_total: float) -> tuple[float, float]:
    """Return a lower and an upper bound of a difference. Each alone is wrong with a probability of alpha.

    For a metric of failures, a lower bound above 0 says that the candidate is worse. An upper bound below a margin
    says that it is not worse by more than that.
    """
    half = half_width(error, total, alpha, optimal_total)
    return value - half, value + half


def _tuning(alpha: float) -> float:
    """Return the tuning constant for an interval that is tightest after one request.

    It is the constant of the two-sided interval. That of the one-sided would lower the critical value by under 0.1%.
    """
    twice = -2 * math.log(alpha)
    return twice + math.log1p(twice)
