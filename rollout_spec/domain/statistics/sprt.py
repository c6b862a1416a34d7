"""Sequential tests of one rate against a bound.

A log ratio is the logarithm of an e-value. Its mean is at most 1 as long as the rate is not worse than ``null``, so
it ever reaches ``1 / alpha`` with a probability of at most ``alpha``, however often it is read (Ville's inequality).
"""

from __future__ import annotations

import math

from rollout_spec.domain.statistics.counts import Counts
from rollout_spec.domain.statistics.log_space import log_mean
from rollout_spec.domain.statistics.normal import check_probability

_FACTORS = (1.1, 1.3, 1.6, 2.4, 5.0)


def log_ratio(counts: Counts, null: float, alternative: float) -> float:
    """Return the log likelihood ratio of the rate ``alternative`` to the rate ``null``.

    If ``alternative`` is above ``null``, it tests that the rate is at most ``null``, else that it is at least that.
    The ratio of a sum of counts is the sum of their ratios.
    Source: Wald, "Sequential tests of statistical hypotheses", Annals of Mathematical Statistics 16 (1945).
    """
    event, other = _steps(null, alternative)
    return counts.events * event + (counts.total - counts.events) * other


def expected_total(rate: float, null: float, alternative: float, alpha: float) -> float:
    """Return the mean number of requests until the test decides. Infinite if it drifts the other way.

    Source: Wald's formula for the average sample number, without the overshoot of the last request.
    """
    if not 0 <= rate <= 1:
        raise ValueError(f"a rate must lie between 0 and 1, not {rate}")
    check_probability("alpha", alpha)
    event, other = _steps(null, alternative)
    drift = rate * event + (1 - rate) * other
    return -math.log(alpha) / drift if drift > 0 else math.inf


def alternatives(bound: float) -> tuple[float, ...]:
    """Return the rates above a bound that `mixture_log_ratio` looks for, all below 1."""
    check_probability("a bound", bound)
    highest = 1 - (1 - bound) / 10
    return tuple(min(bound * factor, highest) for factor in _FACTORS)


def mixture_log_ratio(counts: Counts, bound: float) -> float:
    """Return the log evidence that the rate is above a bound, if no alternative is known.

    It is the mean of sequential tests against five rates above the bound, from 1.1 to 5 times as high.
    """
    return log_mean([log_ratio(counts, bound, rate) for rate in alternatives(bound)])


def _steps(null: float, alternative: float) -> tuple[float, float]:
    """Return the log ratios of one event, and of one request without an event."""
    check_probability("the null", null)
    check_probability("the alternative", alternative)
    return math.log(alternative / null), math.log1p(-alternative) - math.log1p(-null)
