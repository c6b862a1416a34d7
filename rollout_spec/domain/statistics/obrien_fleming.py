"""A comparison with a planned end.

Early reads need more evidence, and the last one hardly more than a single test. The boundary is that of a Brownian
motion that is read all the time, so it holds for any number of reads up to the planned end.
Source: O'Brien & Fleming, "A multiple testing procedure for clinical trials", Biometrics 35 (1979), and the reflection
principle for the continuous boundary.
"""

from __future__ import annotations

import math

from rollout_spec.domain.statistics.normal import check_probability, cumulative, quantile, scaled_erfc


def critical(alpha: float) -> float:
    """Return the critical value at the planned end, one-sided: P(max B > c) = 2 P(B(1) > c) = alpha."""
    check_probability("alpha", alpha)
    return quantile(1 - alpha / 2)


def bound(alpha: float, fraction: float) -> float:
    """Return the bound of the z-value after a fraction of the planned traffic."""
    _check_fraction(fraction)
    return critical(alpha) / math.sqrt(fraction)


def detection_probability(drift: float, fraction: float, critical: float) -> float:
    """Return the probability that the bound is crossed within a fraction of the planned traffic.

    ``drift`` is the mean z-value at the planned end: the difference divided by its standard error there.
    Source: the first-passage time of a Brownian motion with drift, an inverse Gaussian distribution; Siegmund,
    "Sequential analysis" (1985), formula 3.15.
    """
    _check_fraction(fraction)
    root = math.sqrt(fraction)
    direct = cumulative((drift * fraction - critical) / root)
    distance = (drift * fraction + critical) / root
    if distance <= 0:
        return direct + math.exp(2 * drift * critical) * cumulative(-distance)
    # The same as above, without the overflow of exp for a large drift.
    exponent = -(((drift * fraction - critical) / root) ** 2) / 2
    return direct + math.exp(exponent) * scaled_erfc(distance / math.sqrt(2)) / 2


def drift_for(power: float, alpha: float) -> float:
    """Return the drift that is detected with a probability of ``power`` by the planned end."""
    check_probability("power", power)
    value = critical(alpha)
    if power < alpha:
        raise ValueError(f"a power of {power} is below alpha, {alpha}")
    low, high = 0.0, value + abs(quantile(power)) + 1
    for _ in range(100):
        middle = (low + high) / 2
        if detection_probability(middle, 1, value) < power:
            low = middle
        else:
            high = middle
    return high


def _check_fraction(fraction: float) -> None:
    if not 0 < fraction <= 1:
        raise ValueError(f"a fraction must lie above 0 and be at most 1, not {fraction}")
