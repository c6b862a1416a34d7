"""Sums and means of numbers that are given by their logarithms."""

from __future__ import annotations

import math
from collections.abc import Sequence


def log_sum(logs: Sequence[float]) -> float:
    """Return the logarithm of a sum, from the logarithms of its terms.

    The largest term is taken out, so that nothing overflows. Any NaN gives NaN.
    """
    if any(map(math.isnan, logs)):
        return math.nan
    largest = max(logs, default=-math.inf)
    if math.isinf(largest):
        return largest
    return largest + math.log(math.fsum(math.exp(log - largest) for log in logs))


def log_mean(logs: Sequence[float]) -> float:
    """Return the logarithm of a mean. ValueError without terms."""
    if not logs:
        raise ValueError("a mean needs at least one term")
    return log_sum(logs) - math.log(len(logs))
