"""Failures of both arms, compared by how they split between them.

A failure that both arms share changes their number and not their split. Source: Lindon and Malek, Anytime-Valid
Inference for Multinomial Count Data, https://arxiv.org/abs/2011.03567
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from rollout_spec.domain.judgement.arms import Arms
from rollout_spec.domain.judgement.moments import Moment, Plan, cumulated
from rollout_spec.domain.statistics import bayes_factor, sprt
from rollout_spec.domain.statistics.counts import Counts, Tick

METHOD = "Bayes factor of Lindon and Malek"


def failure_moments(ticks: Sequence[Tick], arms: Arms, plan: Plan) -> list[Moment]:
    """Return the evidence after each tick.

    Half of the weight is on the whole time. The other half is on later starts, so that a failure after a long healthy
    time is found. Each moment has the evidence that a look at that time had, so a breach stays a breach.
    """
    evidence = bayes_factor.log_evidence(ticks, arms.share)
    return [_moment(total, each, arms, plan) for total, each in zip(cumulated(ticks), evidence, strict=True)]


def _moment(total: Tick, evidence: float, arms: Arms, plan: Plan) -> Moment:
    share = arms.share or bayes_factor.counted_share(total.candidate, total.stable)
    needed = math.log(1 / plan.alpha)
    if share is None:
        return Moment(0.0, 0.0, needed, is_worse=False)
    return Moment(evidence, _not_worse(total, share, plan), needed, is_worse=evidence > 0)


def _not_worse(total: Tick, share: float, plan: Plan) -> float:
    """Return the log evidence that the candidate fails less than ``drop`` more often.

    A failure is the candidate's with a probability that follows from its share and from the ratio of the rates.
    """
    worse = share * (1 + plan.drop) / (share * (1 + plan.drop) + 1 - share)
    events = total.candidate.events + total.stable.events
    return sprt.log_ratio(Counts(total.candidate.events, events), worse, share) if worse > share and events else 0.0
