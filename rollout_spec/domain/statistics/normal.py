"""The normal distribution, and checks of its arguments."""

from __future__ import annotations

import math
from statistics import NormalDist

_STANDARD = NormalDist()


def check_probability(name: str, value: float) -> None:
    """ValueError unless a value lies strictly between 0 and 1."""
    if not 0 < value < 1:
        raise ValueError(f"{name} must lie strictly between 0 and 1, not {value}")


def quantile(probability: float) -> float:
    """Return the quantile of the standard normal distribution.

    ValueError unless the probability lies strictly between 0 and 1.
    """
    check_probability("a probability", probability)
    return _STANDARD.inv_cdf(probability)


def cumulative(value: float) -> float:
    """Return the probability of a smaller value. It keeps its digits far below 0."""
    return math.erfc(-value / math.sqrt(2)) / 2


def scaled_erfc(value: float) -> float:
    """Return ``exp(value**2) * erfc(value)`` for a value of at least 0, without underflow.

    From 25 on, its asymptotic series is exact to ten digits (Abramowitz & Stegun, 7.1.23).
    """
    if value < 25:
        return math.exp(value * value) * math.erfc(value)
    square = 2 * value * value
    return (1 - 1 / square + 3 / square**2 - 15 / square**3) / (value * math.sqrt(math.pi))
