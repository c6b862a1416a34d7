"""Evidence of a failure that begins at an unknown moment.

A plain sum of log ratios falls as long as a version is healthy. After 10,000 healthy requests it lies a hundred below
0, so a failure that begins then is found only after it has made up for all of them. Here a part of the evidence is
kept for every later moment, and counts only the ticks from that moment on.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from rollout_spec.domain.statistics.log_space import log_sum


def log_evidence(ratios: Sequence[float]) -> list[float]:
    """Return the log evidence after each tick, from the log ratio of each tick.

    It is a weighted mean, over the tick in which the failure began, of the product of all ratios from there on. The
    first tick has half of the weight. Tick ``k`` after it has ``1 / (2 k (k + 1))``, and the weights sum to 1. So no
    failure from the start costs more than the factor 2. If each ratio has a mean of at most 1 given the ticks before,
    so has the evidence. NaN stays NaN.
    Source: a mixture of e-processes, as in Shin, Ramdas & Rinaldo, "E-detectors" (2022), with a sum of weights of 1.
    """
    evidence: list[float] = []
    begun = -math.inf
    for index, ratio in enumerate(ratios):
        begun = log_sum((begun, _log_weight(index))) + ratio
        evidence.append(log_sum((begun, log_later(index + 1))))
    return evidence


def log_mixture(log_evidence_since: Sequence[float]) -> float:
    """Return the log evidence now, from the log evidence of the ticks since each tick; 0 without ticks.

    It is the mean of `log_evidence`, for tests whose evidence is no product over the ticks.
    """
    if not log_evidence_since:
        return 0.0
    terms = [_log_weight(index) + log for index, log in enumerate(log_evidence_since)]
    return log_sum([*terms, log_later(len(terms))])


def log_weights(ticks: int) -> list[float]:
    """Return the logs of the weights of the first ticks."""
    return [_log_weight(index) for index in range(ticks)]


def _log_weight(index: int) -> float:
    return math.log(0.5 if index == 0 else 0.5 / (index * (index + 1)))


def log_later(ticks: int) -> float:
    """Return the log of the sum of the weights of all later ticks, 1 / (2 n)."""
    return -math.log(2 * ticks)
