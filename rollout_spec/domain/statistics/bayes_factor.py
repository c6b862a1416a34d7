"""A comparison of the events of two versions by their split alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from rollout_spec.domain.statistics.counts import Counts, Tick, check_number
from rollout_spec.domain.statistics.log_space import log_sum
from rollout_spec.domain.statistics.normal import check_probability
from rollout_spec.domain.statistics.onset import log_later, log_weights


def log_bayes_factor(candidate_events: float, stable_events: float, share: float, weight: float = 20.0) -> float:
    """Return the log evidence that the candidate's share of the events is not its share of the requests.

    If both versions fail equally often, each event is the candidate's with the probability ``share``, at any rate of
    failures and at any load. The alternative is a beta distribution with the mean ``share`` that weighs as much as
    ``weight`` events. It is evidence in both directions: compare the rates before an alarm.
    Source: Lindon & Malek, "Anytime-valid inference for multinomial count data", NeurIPS 2022.
    """
    check_probability("a share", share)
    check_number("events of the candidate", candidate_events)
    check_number("events of stable", stable_events)
    if not (math.isfinite(weight) and weight > 0):
        raise ValueError(f"the weight must be a finite number above 0, not {weight}")
    return _log_factor(share, weight)(candidate_events, stable_events)


def log_evidence(ticks: Sequence[Tick], share: float | None, weight: float = 20.0) -> list[float]:
    """Return the log evidence after each tick that the candidate fails more often, with an onset.

    It is the mean of `log_bayes_factor` over the tick in which the failure began, with the weights of `log_mixture`.
    Ticks from which on the candidate does not have more than its share of the failures count nothing. ``share`` is the
    planned share of requests; if it is None, the counted one is used.
    """
    planned = _log_factor(share, weight) if share is not None else None
    counts = [(each.candidate.events, each.stable.events, each.candidate.total, each.stable.total) for each in ticks]
    weights, evidence = log_weights(len(ticks)), list[float]()
    for end in range(1, len(ticks) + 1):  # each pair of a start and an end is computed once, so it is kept short
        terms = [log_later(end)]
        candidate = stable = candidate_total = stable_total = 0.0
        for start in range(end - 1, -1, -1):
            own, other, own_total, other_total = counts[start]
            candidate, stable = candidate + own, stable + other
            candidate_total, stable_total = candidate_total + own_total, stable_total + other_total
            part = share or _share(candidate_total, stable_total)
            if part is not None and candidate * (1 - part) > stable * part:
                factor = planned or _log_factor(part, weight)
                terms.append(weights[start] + factor(candidate, stable))
        evidence.append(log_sum(terms))
    return evidence


def counted_share(candidate: Counts, stable: Counts) -> float | None:
    """Return the candidate's share of the counted requests. None if one version has none."""
    return _share(candidate.total, stable.total)


def _share(candidate: float, stable: float) -> float | None:
    return candidate / (candidate + stable) if candidate and stable else None


def _log_factor(share: float, weight: float) -> Callable[[float, float], float]:
    """Return the function of the events of the candidate and of stable."""
    a, b = weight * share, weight * (1 - share)
    prior, log_share, log_rest, lgamma = _log_beta(a, b), math.log(share), math.log1p(-share), math.lgamma

    def factor(candidate: float, stable: float) -> float:
        x, y = a + candidate, b + stable
        return lgamma(x) + lgamma(y) - lgamma(x + y) - prior - candidate * log_share - stable * log_rest

    return factor


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
