"""Failures of both arms, compared by how they split between them.

A failure that both arms share changes their number and not their split. Source: Lindon and Malek, Anytime-Valid
Inference for Multinomial Count Data, https://arxiv.org/abs/2011.03567
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

from rollout_spec.domain.judgement.arms import Arms
from rollout_spec.domain.judgement.moments import Moment, Plan, cumulated
from rollout_spec.domain.statistics import bayes_factor, sprt
from rollout_spec.domain.statistics.counts import Counts, Tick
from rollout_spec.domain.statistics.log_space import log_sum

METHOD = "Bayes factor of Lindon and Malek"
_HALF = math.log(0.5)
_ROUNDING = 1e-9


def failure_moments(ticks: Sequence[Tick], arms: Arms, plan: Plan) -> list[Moment]:
    """Return the evidence after each tick.

    Half of the weight is on the whole time. The other half is on later starts, so that a failure after a long healthy
    time is found; it is looked at after the last tick only.
    """
    sums = cumulated(ticks)
    moments = [_moment(total, arms, plan) for total in sums]
    late = list(_late(sums, arms))
    if late:
        last = moments[-1]
        all_starts = [(last.evidence, last.is_worse), *late]
        evidence = log_sum([each for each, _ in all_starts])
        moments[-1] = replace(last, evidence=evidence, is_worse=max(all_starts)[1])
    return moments


def _moment(total: Tick, arms: Arms, plan: Plan) -> Moment:
    share, needed = _share(total, arms), math.log(1 / plan.alpha)
    if share is None:
        return Moment(0.0, 0.0, needed, is_worse=False)
    events = bayes_factor.log_bayes_factor(total.candidate.events, total.stable.events, share)
    return Moment(events + _HALF, _not_worse(total, share, plan), needed, _is_worse(total))


def _late(sums: Sequence[Tick], arms: Arms) -> Iterator[tuple[float, bool]]:
    """Yield the weighted log evidence since each tick but the last, and if the candidate is worse.

    The start after tick k has the weight 1/(k(k+1)) of the half, so that the weights of all starts are at most 1.
    """
    last = sums[-1]
    for index, start in enumerate(sums[:-1], 1):
        since = Tick(last.seconds, _since(last.stable, start.stable), _since(last.candidate, start.candidate))
        share = _share(since, arms)
        if share is not None and since.candidate.events + since.stable.events > 0:
            evidence = bayes_factor.log_bayes_factor(since.candidate.events, since.stable.events, share)
            yield evidence + _HALF - math.log(index * (index + 1)), _is_worse(since)


def _since(counts: Counts, start: Counts) -> Counts:
    return Counts(max(counts.events - start.events, 0.0), max(counts.total - start.total, 0.0))


def _share(total: Tick, arms: Arms) -> float | None:
    """Return the candidate's planned share of requests, or the counted one if none is planned."""
    if arms.share:
        return arms.share
    both = total.candidate.total + total.stable.total
    share = total.candidate.total / both if both else 0.0
    return share if 0 < share < 1 else None


def _is_worse(total: Tick) -> bool:
    stable, candidate = total.stable, total.candidate
    if not stable.total or not candidate.total:
        return False
    return candidate.events / candidate.total > (1 + _ROUNDING) * stable.events / stable.total


def _not_worse(total: Tick, share: float, plan: Plan) -> float:
    """Return the log evidence that the candidate fails less than ``drop`` more often.

    A failure is the candidate's with a probability that follows from its share and from the ratio of the rates.
    """
    worse = share * (1 + plan.drop) / (share * (1 + plan.drop) + 1 - share)
    events = total.candidate.events + total.stable.events
    return sprt.log_ratio(Counts(total.candidate.events, events), worse, share) if worse > share and events else 0.0
