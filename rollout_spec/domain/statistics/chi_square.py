"""The chi-square distribution, central and not."""

from __future__ import annotations

import math

from rollout_spec.domain.statistics.counts import check_number
from rollout_spec.domain.statistics.normal import check_probability, cumulative

_SMALLEST = 1e-300
_PRECISION = 1e-16
_LARGE_SHIFT = 20_000.0


def tail(value: float, degrees: float) -> float:
    """Return the probability of a larger value. It keeps its digits far above the mean.

    It is the regularised incomplete gamma function, by a series below the mean and a continued fraction above.
    Source: Press et al., "Numerical recipes", 3rd edition (2007), section 6.2.
    """
    check_number("a chi-square value", value)
    if not (math.isfinite(degrees) and degrees > 0):
        raise ValueError(f"degrees of freedom must be a finite number above 0, not {degrees}")
    shape, at = degrees / 2, value / 2
    if at == 0:
        return 1.0
    scale = math.exp(shape * math.log(at) - at - math.lgamma(shape))
    return 1 - scale * _series(shape, at) if at < shape + 1 else scale * _fraction(shape, at)


def quantile(probability: float, degrees: float) -> float:
    """Return the value that is exceeded with one minus a probability."""
    check_probability("a probability", probability)
    low, high = 0.0, degrees + 10.0
    while tail(high, degrees) > 1 - probability:
        low, high = high, 2 * high
    while high - low > 1e-12 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if tail(middle, degrees) > 1 - probability else (low, middle)
    return (low + high) / 2


def power(degrees: float, shift: float, alpha: float) -> float:
    """Return the probability to exceed the quantile of 1 - alpha if the distribution is shifted."""
    return shifted_tail(quantile(1 - alpha, degrees), degrees, shift)


def shifted_tail(value: float, degrees: float, shift: float) -> float:
    """Return the probability of a larger value if the distribution is shifted.

    ``shift`` is the noncentrality: a sum over Poisson weights, and above 20,000 the normal distribution.
    Source: Patnaik, "The non-central chi-square and F distributions", Biometrika 36 (1949).
    """
    check_number("a shift", shift)
    if shift > _LARGE_SHIFT:
        return cumulative((degrees + shift - value) / math.sqrt(2 * (degrees + 2 * shift)))
    half = shift / 2
    reach = 10 * math.sqrt(half) + 20
    terms = range(max(0, int(half - reach)), int(half + reach) + 1)
    log_half = math.log(half) if half else 0.0
    weights = ((n, math.exp(n * log_half - half - math.lgamma(n + 1)) if half or not n else 0.0) for n in terms)
    return min(math.fsum(weight * tail(value, degrees + 2 * n) for n, weight in weights if weight > _PRECISION), 1.0)


def _series(shape: float, at: float) -> float:
    term = total = 1 / shape
    divisor = shape
    while term > total * _PRECISION:
        divisor += 1
        term *= at / divisor
        total += term
    return total


def _fraction(shape: float, at: float) -> float:
    """Return Lentz's continued fraction."""
    b = at + 1 - shape
    c, d = 1 / _SMALLEST, 1 / b
    result, n = d, 0
    while True:
        n += 1
        factor = n * (shape - n)
        b += 2
        d = 1 / _away_from_zero(factor * d + b)
        c = _away_from_zero(b + factor / c)
        change = c * d
        result *= change
        if abs(change - 1) <= 4 * _PRECISION:
            return result


def _away_from_zero(value: float) -> float:
    return value if abs(value) > _SMALLEST else _SMALLEST
