"""A comparison of the events of two versions by their split alone."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rollout_spec.domain.statistics.counts import Counts, Tick, check_number
from rollout_spec.domain.statistics.normal import check_probability
from rollout_spec.domain.statistics.onset import log_mixture


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
    candidate, stable = weight * share, weight * (1 - share)
    return (
        _log_beta(candidate + candidate_events, stable + stable_events)
        - _log_beta(candidate, stable)
        - candidate_events * math.log(share)
        - stable_events * math.log1p(-share)
    )


def log_evidence(ticks: Sequence[Tick], share: float | None, weight: float = 20.0) -> float:
    """Return the log evidence now that the candidate fails more often, from an unknown tick on.

    It is the mean of `log_bayes_factor` over the tick in which the failure began, with the weights of `log_mixture`.
    Ticks from which on the candidate does not have more than its share of the failures count nothing. ``share`` is the
    planned share of requests; if it is None, the counted one is used.
    """
    since = []
    candidate = stable = Counts(0, 0)
    for tick in reversed(ticks):
        candidate, stable = candidate + tick.candidate, stable + tick.stable
        since.append(_log_evidence_if_worse(candidate, stable, share, weight))
    return log_mixture(since[::-1])


def counted_share(candidate: Counts, stable: Counts) -> float | None:
    """Return the candidate's share of the counted requests. None if one version has none."""
    return candidate.total / (candidate.total + stable.total) if candidate.total and stable.total else None


def _log_evidence_if_worse(candidate: Counts, stable: Counts, share: float | None, weight: float) -> float:
    own = share or counted_share(candidate, stable)
    if own is None or candidate.events * (1 - own) <= stable.events * own:
        return -math.inf
    return log_bayes_factor(candidate.events, stable.events, own, weight)


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
