"""The reads at which each test raises an alarm, that is, would take the candidate back."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from rollout_spec.domain.statistics import anytime, bayes_factor, obrien_fleming, onset, proportions, sample_ratio, sprt
from rollout_spec.domain.statistics.counts import Counts, Tick
from rollout_spec.domain.statistics.log_space import log_mean
from rollout_spec.domain.statistics.normal import quantile


@dataclass(frozen=True)
class Plan:
    """The known facts of a stage. ``requests`` is its planned number, of both versions.

    ``effects`` is the design effect at each read, by which the counts are divided; without it they are not.
    """

    requests: float
    share: float = 0.05
    null: float = 0.02
    bound: float = 0.05
    alpha: float = 0.05
    ticks_of_read: int = 4
    effects: Sequence[float] = ()


Alarm = Callable[[Sequence[Tick], Plan], Iterator[bool]]
"""Whether there is an alarm, for each read in turn."""


def naive(ticks: Sequence[Tick], plan: Plan) -> Iterator[bool]:
    """A single z-test, read again and again."""
    return (_z_value(*sums) > quantile(1 - plan.alpha) for sums in _sums(ticks, plan))


def one_look(ticks: Sequence[Tick], plan: Plan) -> Iterator[bool]:
    """A single z-test, read once at the end."""
    *early, last = _sums(ticks, plan)
    yield from (False for _ in early)
    yield _z_value(*last) > quantile(1 - plan.alpha)


def planned_end(ticks: Sequence[Tick], plan: Plan) -> Iterator[bool]:
    """The boundary of O'Brien and Fleming, with the requests as the information."""
    for seen, (stable, candidate) in zip(_seen(ticks, plan), _sums(ticks, plan), strict=True):
        found = proportions.difference(stable, candidate)
        fraction = min(seen / plan.requests, 1.0)
        yield found.value > obrien_fleming.bound(plan.alpha, fraction) * found.pooled_error


def any_time(ticks: Sequence[Tick], plan: Plan, optimal: float = anytime.DEFAULT_TOTAL) -> Iterator[bool]:
    """The asymptotic confidence sequence, with the pooled error."""
    for stable, candidate in _sums(ticks, plan):
        found = proportions.difference(stable, candidate)
        total = stable.total + candidate.total
        yield anytime.bounds(found.value, found.pooled_error, total, plan.alpha, optimal)[0] > 0


def any_time_of_plan(ticks: Sequence[Tick], plan: Plan) -> Iterator[bool]:
    """The same, tightest after the planned requests."""
    return any_time(ticks, plan, plan.requests)


def event_split(ticks: Sequence[Tick], plan: Plan) -> Iterator[bool]:
    """Lindon and Malek's Bayes factor, if the candidate's rate is the higher one."""
    for stable, candidate in _sums(ticks, plan):
        evidence = bayes_factor.log_bayes_factor(candidate.events, stable.events, plan.share)
        yield evidence >= -math.log(plan.alpha) and candidate.rate > stable.rate


def event_split_with_onset(ticks: Sequence[Tick], plan: Plan) -> Iterator[bool]:
    """The same with an unknown onset."""
    evidence = bayes_factor.log_evidence(ticks, plan.share)
    for read in reads_of(ticks, plan):
        yield evidence[read] >= -math.log(plan.alpha)


def checked_split(ticks: Sequence[Tick], plan: Plan) -> Iterator[bool]:
    """The Bayes factor, unless the split of the requests is known to be wrong at that read."""
    for alarm, wrong in zip(event_split(ticks, plan), wrong_split(ticks, plan), strict=True):
        yield alarm and not wrong


def wrong_split(ticks: Sequence[Tick], plan: Plan) -> Iterator[bool]:
    """The check of the split of requests alone."""
    return (sample_ratio.is_wrong(new.total, old.total, plan.share) for old, new in _sums(ticks, plan))


def plain_product(ticks: Sequence[Tick], plan: Plan) -> Iterator[bool]:
    """Wald's test of the stable rate against the bound, without an onset."""
    sums = list(accumulate(_ratios(ticks, plan.null, plan.bound)))
    return (sums[read] >= -math.log(plan.alpha) for read in reads_of(ticks, plan))


def with_onset(ticks: Sequence[Tick], plan: Plan) -> Iterator[bool]:
    """Wald's test of the stable rate against the bound, with an unknown onset."""
    ratios = _ratios(ticks, plan.null, plan.bound)
    if not plan.effects:
        evidence = onset.log_evidence(ratios)
        yield from (evidence[read] >= -math.log(plan.alpha) for read in reads_of(ticks, plan))
        return
    for read, effect in zip(reads_of(ticks, plan), plan.effects, strict=True):
        since = list(accumulate(ratio / effect for ratio in reversed(ratios[: read + 1])))[::-1]
        yield onset.log_mixture(since) >= -math.log(plan.alpha)


def above_bound(ticks: Sequence[Tick], plan: Plan) -> Iterator[bool]:
    """The mixture of five tests that the rate is above the bound, with an unknown onset."""
    rates = sprt.alternatives(plan.bound)
    by_rate = [onset.log_evidence(_ratios(ticks, plan.bound, rate)) for rate in rates]
    for read in reads_of(ticks, plan):
        yield log_mean([evidence[read] for evidence in by_rate]) >= -math.log(plan.alpha)


def raw_rate(ticks: Sequence[Tick], plan: Plan) -> Iterator[bool]:
    """No statistics: the rate since the start is above the bound, after 300 requests."""
    return (new.total >= 300 and new.rate > plan.bound for _, new in _sums(ticks, plan))


def reads_of(ticks: Sequence[Tick], plan: Plan) -> range:
    """Return the last tick of each read."""
    return range(plan.ticks_of_read - 1, len(ticks), plan.ticks_of_read)


def _seen(ticks: Sequence[Tick], plan: Plan) -> Iterator[float]:
    """Yield the requests of both versions from the start to each read."""
    totals = list(accumulate(tick.stable.total + tick.candidate.total for tick in ticks))
    return (totals[read] for read in reads_of(ticks, plan))


def _sums(ticks: Sequence[Tick], plan: Plan) -> Iterator[tuple[Counts, Counts]]:
    """Yield the counts of both versions from the start to each read, divided by the design effect."""
    stable = list(accumulate(tick.stable for tick in ticks))
    candidate = list(accumulate(tick.candidate for tick in ticks))
    for index, read in enumerate(reads_of(ticks, plan)):
        by = 1 / plan.effects[index] if plan.effects else 1.0
        yield stable[read].scaled(by), candidate[read].scaled(by)


def _ratios(ticks: Sequence[Tick], null: float, alternative: float) -> list[float]:
    return [sprt.log_ratio(tick.candidate, null, alternative) for tick in ticks]


def _z_value(stable: Counts, candidate: Counts) -> float:
    """Return the z-value of the textbook, with the pooled error of the counts as they are."""
    rate = (stable + candidate).rate
    variance = rate * (1 - rate) * (1 / stable.total + 1 / candidate.total)
    return (candidate.rate - stable.rate) / math.sqrt(variance) if variance else 0.0
