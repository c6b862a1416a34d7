"""Shares of events: an interval, the difference of two, and the traffic that it takes."""

from __future__ import annotations

import math
from dataclasses import dataclass

from rollout_spec.domain.statistics.counts import Counts, check_number
from rollout_spec.domain.statistics.normal import check_probability, cumulative, quantile


@dataclass(frozen=True)
class Difference:
    """The rate of the candidate minus that of stable, or minus a multiple of it, with two standard errors.

    ``pooled_error`` is for the question whether the rates are equal. ``unpooled_error`` is for an interval.
    """

    value: float
    pooled_error: float
    unpooled_error: float


def wilson(counts: Counts, confidence: float) -> tuple[float, float]:
    """Return a two-sided interval for a rate. Without traffic it is from 0 to 1.

    Source: Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927). ValueError
    if there are more events than requests.
    """
    _check_share(counts)
    z = quantile((1 + confidence) / 2)
    if not counts.total:
        return 0.0, 1.0
    rate, square = counts.rate, z * z / counts.total
    center = (rate + square / 2) / (1 + square)
    half = math.sqrt(rate * (1 - rate) * square + square * square / 4) / (1 + square)
    low = 0.0 if counts.events == 0 else max(center - half, 0.0)
    high = 1.0 if counts.events == counts.total else min(center + half, 1.0)
    return low, high


def difference(stable: Counts, candidate: Counts) -> Difference:
    """Return the difference of two rates. NaN if a version has no traffic.

    The value is that of the counts. The errors count one more event and one more other request in each version, so
    that they are never 0: two versions without any failure are not known to be equal.
    Source: Agresti & Caffo, "Simple and effective confidence intervals for proportions", American Statistician 54
    (2000). ValueError if there are more events than requests.
    """
    return margin_difference(stable, candidate, 1.0)


def margin_difference(stable: Counts, candidate: Counts, factor: float) -> Difference:
    """Return the rate of the candidate minus ``factor`` times that of stable.

    The errors are as in `difference`. With a factor of 0.95 it asks whether a rate that should be high has fallen by
    more than 5%.
    Source: Farrington & Manning, "Test statistics and sample size formulae for comparative binomial trials",
    Statistics in Medicine 9 (1990), with the variance of the observed rates.
    """
    _check_share(stable)
    _check_share(candidate)
    check_number("a factor", factor)
    more = Counts(1, 2)
    old, new = stable + more, candidate + more
    pooled_variance = _variance((old + new).rate) * (factor**2 / old.total + 1 / new.total)
    unpooled_variance = factor**2 * _variance(old.rate) / old.total + _variance(new.rate) / new.total
    value = candidate.rate - factor * stable.rate
    return Difference(value, math.sqrt(pooled_variance), math.sqrt(unpooled_variance))


def sample_size(control: float, candidate: float, ratio: float, alpha: float, power: float) -> float:
    """Return the requests of the control that show the difference of two rates, one-sided.

    ``ratio`` is the candidate's requests for each of the control's. Infinite if the rates are equal.
    Source: Fleiss, Levin & Paik, "Statistical methods for rates and proportions", 3rd edition (2003), formula 4.14
    without the correction for continuity.
    """
    if control == candidate:
        return math.inf
    null, alternative = _deviations(control, candidate, ratio)
    root = quantile(1 - alpha) * null + quantile(power) * alternative
    return (max(root, 0.0) / (control - candidate)) ** 2


def power_of(control: float, candidate: float, total: float, ratio: float, alpha: float) -> float:
    """Return the probability to see the difference of two rates, one-sided, in one look at the end.

    ``total`` is the requests of the control. It is the inverse of `sample_size`.
    """
    null, alternative = _deviations(control, candidate, ratio)
    check_number("total", total)
    return cumulative((abs(control - candidate) * math.sqrt(total) - quantile(1 - alpha) * null) / alternative)


def _deviations(control: float, candidate: float, ratio: float) -> tuple[float, float]:
    """Return the standard deviation of the difference, if the rates are equal and if not.

    It is for one request of the control.
    """
    check_probability("the rate of the control", control)
    check_probability("the rate of the candidate", candidate)
    if not (math.isfinite(ratio) and ratio > 0):
        raise ValueError(f"a ratio must be a finite number above 0, not {ratio}")
    pooled = (control + ratio * candidate) / (1 + ratio)
    null = math.sqrt(_variance(pooled) * (1 + 1 / ratio))
    return null, math.sqrt(_variance(control) + _variance(candidate) / ratio)


def _variance(rate: float) -> float:
    return rate * (1 - rate)


def _check_share(counts: Counts) -> None:
    if counts.events > counts.total:
        raise ValueError(f"{counts.events:g} events among {counts.total:g} requests are no share")
