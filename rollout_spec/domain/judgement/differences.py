"""The difference of two shares, in standard errors, and the looks at which it may decide.

Sources: O'Brien and Fleming 1979; Waudby-Smith et al., https://arxiv.org/abs/2103.06476
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from rollout_spec.domain.judgement.moments import Moment, Plan, cumulated
from rollout_spec.domain.statistics import anytime, obrien_fleming
from rollout_spec.domain.statistics.counts import Tick
from rollout_spec.domain.statistics.normal import quantile
from rollout_spec.domain.statistics.proportions import difference, margin_difference

_LEAST_EVENTS = 10.0
"""The events, and the requests without one, that each arm needs before its share counts as normally distributed."""
_ROUNDING = 1e-6


def method(plan: Plan) -> str:
    """Return the name of the test of a plan."""
    if plan.horizon is None:
        return "asymptotic confidence sequence"
    return "one test at the end" if plan.is_single else "O'Brien-Fleming boundary for continuous looks"


def until_horizon(ticks: Sequence[Tick], plan: Plan) -> list[Tick]:
    """Return the ticks up to the horizon: a test with a planned end says nothing after it."""
    return [tick for tick in ticks if plan.horizon is None or tick.seconds <= plan.horizon + _ROUNDING]


def difference_moments(ticks: Sequence[Tick], plan: Plan) -> Iterator[Moment]:
    """Yield the evidence after each tick. ``good: up`` means that a lower share is worse."""
    sign, factor = (-1, 1 - plan.drop) if plan.good == "up" else (1, 1 + plan.drop)
    critical = _critical(plan)
    for total in cumulated(ticks):
        needed = critical(total) if _has_enough(total) else None
        if needed is None:
            yield Moment(0.0, 0.0, 1.0, is_worse=False, is_look=False)
            continue
        worse = difference(total.stable, total.candidate)
        accepted = margin_difference(total.stable, total.candidate, factor)
        reference = total.stable.events / total.stable.total
        low, high = ((worse.value + side * needed * worse.unpooled_error) / reference for side in (-1, 1))
        yield Moment(
            sign * worse.value / worse.pooled_error,
            -sign * accepted.value / accepted.unpooled_error,
            needed,
            is_worse=sign * worse.value > 0,
            interval=(low, high),
        )


def _has_enough(total: Tick) -> bool:
    arms = (total.stable, total.candidate)
    return all(min(counts.events, counts.total - counts.events) >= _LEAST_EVENTS for counts in arms)


def _critical(plan: Plan) -> Callable[[Tick], float | None]:
    """Return the function that gives the decisive standard errors after some counts.

    It gives None if the moment is no look.
    """
    horizon = plan.horizon
    if horizon is None:
        best = anytime.DEFAULT_TOTAL
        return lambda total: anytime.critical(total.stable.total + total.candidate.total, plan.alpha, best)
    if plan.is_single:
        single = quantile(1 - plan.alpha)
        return lambda total: single if total.seconds >= horizon - _ROUNDING else None
    return lambda total: obrien_fleming.bound(plan.alpha, min(total.seconds / horizon, 1)) if total.seconds else None
