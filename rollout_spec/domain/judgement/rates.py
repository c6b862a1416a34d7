"""Thresholds on a rate, and on the share of slow requests: sequential probability ratio tests.

The null hypothesis is the rate of stable at the same time, the alternative is the bound. Requests while stable itself
is beyond the bound do not count: the failure is shared. Without a control arm the null hypothesis is the bound itself.
The evidence holds at each look, however many there are (Wald 1945; Ville's inequality).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from rollout_spec.domain.judgement.arms import Arms, EarlierStage, totals
from rollout_spec.domain.judgement.bursts import Bursts
from rollout_spec.domain.judgement.numbers import duration, percent, rate
from rollout_spec.domain.judgement.verdicts import EvidencePoint, Judgement, seconds_more
from rollout_spec.domain.statistics import onset, sprt, stages
from rollout_spec.domain.statistics.counts import Counts, Tick
from rollout_spec.domain.statistics.log_space import log_mean
from rollout_spec.domain.statistics.proportions import wilson

_LEAST_NULL = 0.2
"""The null hypothesis is at least this part of the bound: one error of a stable without errors shows nothing."""
_FEW = 0.5
"""The null hypothesis, as a part of the bound, if stable has too few requests to be shown below the bound."""
_SPREAD = 1.28
"""The standard errors of an upper bound with a confidence of 90%, one-sided."""
_BELOW_BOUND = 0.95
"""The null hypothesis, as a part of the bound, that the uncertainty of stable's rate may not exceed."""
_BELOW = (1.1, 1.3, 1.6, 2.4, 5.0)
"""The parts of the bound that a candidate without a control arm may be shown to be below."""
_NONE = Counts(0, 0)


@dataclass(frozen=True)
class RateBound:
    """The greatest accepted share of bad requests, the trailing ``window`` in seconds, and ``alpha``."""

    share: float
    window: float
    alpha: float
    noun: str = "bad requests"


def judge_rate(ticks: Sequence[Tick], arms: Arms, bound: RateBound, earlier: Sequence[EarlierStage] = ()) -> Judgement:
    """Judge the candidate's rate.

    ``earlier`` are the earlier stages of the candidate, oldest first.
    """
    if not 0 < bound.share < 1:
        message = (
            f"no statistics tell whether a rate is beyond {percent(bound.share)}: choose a bound between 0% and 100%"
        )
        return Judgement("no-data", message)
    stable, candidate = totals(ticks)
    judgement = Judgement("no-data", "", "sequential probability ratio test", bound.alpha, stable, candidate)
    if not arms.has_control:
        judgement = replace(judgement, stable=None)
    missing = arms.candidate if not candidate.total else arms.stable if arms.has_control and not stable.total else None
    if missing is not None:
        return replace(judgement, message=f"{missing} received no requests in the judged time")
    bursts = Bursts.of(ticks, [stage.ticks for stage in earlier], of_candidate=not arms.has_control)
    moments = list(_moments(bursts.spread(ticks), arms, bound))
    before = [_last_evidence(bursts.spread(stage.ticks), stage.arms, bound) for stage in earlier if stage.ticks]
    decisive = math.log(1 / bound.alpha)
    points, breached_after, worst = list[EvidencePoint](), None, ticks
    for index, (tick, moment) in enumerate(zip(ticks, moments, strict=True)):
        evidence = stages.combine([*before, moment.evidence])
        if breached_after is None and evidence >= decisive and moment.exceeds:
            breached_after, worst = tick.seconds, ticks[moment.onset : index + 1]
        points.append(EvidencePoint(tick.seconds, evidence / decisive, moment.acquittal / decisive))
    last = moments[-1]
    judgement = replace(
        judgement,
        interval=wilson(_share_of(candidate).scaled(1 / bursts.effect), 1 - bound.alpha),
        points=tuple(points),
        breached_after=breached_after,
        notes=bursts.notes,
    )
    numbers = _numbers(stable, candidate, arms, bound)
    if breached_after is not None:
        is_hidden = candidate.events <= bound.share * candidate.total  # by the healthy time before the failure
        late = _late(worst, ticks) if is_hidden else ""
        return replace(judgement, verdict="breach", message=f"{numbers}{late}")
    if last.is_shared:
        message = f"{numbers}; {arms.stable} is beyond the bound too, so this is not the candidate alone"
        return replace(judgement, verdict="inconclusive", message=message)
    if last.acquittal >= decisive and candidate.events <= bound.share * candidate.total:
        return replace(judgement, verdict="ok", message=numbers)
    return replace(judgement, verdict="inconclusive", message=numbers, seconds_more=seconds_more(points))


@dataclass(frozen=True)
class _Moment:
    """The evidence after one tick, as logarithms.

    ``acquittal`` is evidence that the rate is below the bound. ``exceeds``: since the most likely start of the failure
    the rate of the candidate is beyond the bound, and that of stable is not. ``is_shared``: stable is beyond it now.
    ``onset`` is the index of the first tick since that start.
    """

    evidence: float
    acquittal: float
    exceeds: bool
    is_shared: bool
    onset: int


def _moments(ticks: Sequence[Tick], arms: Arms, bound: RateBound) -> Iterator[_Moment]:
    """Yield the evidence after each tick."""
    nulls = _nulls(ticks, bound) if arms.has_control else [bound.share] * len(ticks)
    alternatives = _alternatives(arms, bound)
    paths = [onset.log_evidence(_ratios(ticks, nulls, alternative)) for alternative in alternatives]
    middle = alternatives[len(alternatives) // 2]
    best, since, first, acquittal, acquittals = 0.0, (_NONE, _NONE), 0, 0.0, [0.0] * len(_BELOW)
    for index, tick in enumerate(ticks):
        null = nulls[index]
        is_shared = arms.has_control and null >= bound.share
        step = 0.0 if is_shared else _ratio(tick.candidate, null, middle)
        if best + step <= 0:
            best, since, first = 0.0, (_NONE, _NONE), index + 1
        else:
            best, since = best + step, (since[0] + tick.stable, since[1] + tick.candidate)
        if arms.has_control:
            acquittal += 0.0 if is_shared else sprt.log_ratio(tick.candidate, bound.share, null)
        else:
            lower = (bound.share / part for part in _BELOW)
            acquittals = [
                so_far + sprt.log_ratio(tick.candidate, bound.share, each)
                for so_far, each in zip(acquittals, lower, strict=True)
            ]
            acquittal = log_mean(acquittals)
        control_exceeds = arms.has_control and since[0].events > bound.share * since[0].total
        exceeds = since[1].events > bound.share * since[1].total and not control_exceeds
        yield _Moment(log_mean([path[index] for path in paths]), acquittal, exceeds, is_shared, first)


def _alternatives(arms: Arms, bound: RateBound) -> tuple[float, ...]:
    return (bound.share,) if arms.has_control else sprt.alternatives(bound.share)


def _ratios(ticks: Sequence[Tick], nulls: Sequence[float], alternative: float) -> list[float]:
    return [_ratio(tick.candidate, null, alternative) for tick, null in zip(ticks, nulls, strict=True)]


def _ratio(counts: Counts, null: float, alternative: float) -> float:
    """Return the log likelihood ratio of one tick; 0 if the null hypothesis is beyond the alternative."""
    return sprt.log_ratio(counts, null, alternative) if null < alternative else 0.0


def _nulls(ticks: Sequence[Tick], bound: RateBound) -> list[float]:
    """Return the rate of stable at each tick, of all the time or of the trailing window.

    The higher one counts. Of the rate of all the time an upper bound is taken, though one below the trigger's bound:
    with as few requests to stable as to the candidate, chance alone would too often put stable far below it.
    """
    nulls, whole, trailing, first = list[float](), _NONE, _NONE, 0
    for tick in ticks:
        whole, trailing = whole + tick.stable, trailing + tick.stable
        while ticks[first].seconds <= tick.seconds - bound.window:
            trailing = _without(trailing, ticks[first].stable)
            first += 1
        rate_now = max(_rate_of(whole, bound), _rate_of(trailing, bound), _LEAST_NULL * bound.share)
        nulls.append(max(rate_now, min(_upper(whole), _BELOW_BOUND * bound.share)))
    return nulls


def _without(counts: Counts, other: Counts) -> Counts:
    return Counts(max(counts.events - other.events, 0.0), max(counts.total - other.total, 0.0))


def _share_of(counts: Counts) -> Counts:
    """Return counts without the few events beyond the requests that two exporters may report."""
    return replace(counts, events=min(counts.events, counts.total))


def _rate_of(counts: Counts, bound: RateBound) -> float:
    """Return a rate that is never 0 or 1 (Jeffreys' prior); 0 without requests.

    The prior alone does not lift it beyond the bound: with little traffic no request of the candidate would count.
    """
    if not counts.total:
        return 0.0
    counted, smoothed = counts.events / counts.total, (counts.events + 0.5) / (counts.total + 1)
    if counted < bound.share:
        smoothed = min(smoothed, max(counted, _FEW * bound.share))
    return min(smoothed, 1 - 1e-9)


def _upper(counts: Counts) -> float:
    """Return the upper bound of a rate with a confidence of 90%; 0 without events."""
    if not counts.events:
        return 0.0
    return (counts.events + 0.5 + _SPREAD * math.sqrt(counts.events + 0.25)) / (counts.total + 1)


def _last_evidence(ticks: Sequence[Tick], arms: Arms, bound: RateBound) -> float:
    return list(_moments(ticks, arms, bound))[-1].evidence


def _late(worst: Sequence[Tick], ticks: Sequence[Tick]) -> str:
    """Return the rate from the start of a failure to its breach."""
    start = max((tick.seconds for tick in ticks if tick.seconds < worst[0].seconds), default=0.0)
    _, counted = totals(worst)
    times = f"from {duration(start) if start else '0s'} to {duration(worst[-1].seconds)} after the warm-up"
    return f"; it was {rate(counted)} {times}"


def _numbers(stable: Counts, candidate: Counts, arms: Arms, bound: RateBound) -> str:
    control = f", {arms.stable}: {rate(stable)}" if arms.has_control else ""
    return f"{bound.noun} of {arms.candidate}: {rate(candidate)}{control}; the bound is {percent(bound.share)}"
