"""The newest counts of a comparison: an ``ok`` counts only if the candidate is not worse now.

The counts of a long healthy time hide a failure of the last minutes, and a test with a planned end sees nothing after
it. So trailing windows of several lengths are looked at, each with a part of a small probability to hold a healthy
candidate back. They start no rollback.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rollout_spec.domain.judgement.moments import Plan
from rollout_spec.domain.judgement.numbers import duration, rate
from rollout_spec.domain.statistics.counts import Counts, Tick
from rollout_spec.domain.statistics.normal import quantile
from rollout_spec.domain.statistics.proportions import margin_difference

_PARTS = (1, 4, 16, 64)
"""The length of all the judged time, or of the planned one, in parts of which the windows are."""
_ALPHA = 0.01
"""The probability, at any one time, that a candidate at the accepted margin is held back by chance."""
_LEAST_EVENTS = 10.0
"""The expected events, and requests without one, from which on a count is normally distributed."""


def recent_loss(ticks: Sequence[Tick], plan: Plan, effect: float) -> str | None:
    """Return the counts of the longest window with a candidate beyond the margin, or None.

    ``effect`` is the design effect of the counts.
    """
    needed = quantile(1 - _ALPHA / len(_PARTS))
    for seconds, stable, candidate in _windows(ticks, plan):
        if _standard_errors(stable.scaled(1 / effect), candidate.scaled(1 / effect), plan) >= needed:
            return f"in the last {duration(seconds)} it was {rate(candidate)}, and of stable {rate(stable)}"
    return None


def _windows(ticks: Sequence[Tick], plan: Plan) -> Iterator[tuple[float, Counts, Counts]]:
    """Yield the windows, longest first: the seconds, and the counts of stable and of the candidate."""
    end = ticks[-1].seconds
    whole = end if plan.horizon is None else min(plan.horizon, end)
    for part in _PARTS:
        stable = candidate = Counts(0, 0)
        first = len(ticks) - 1
        for index in range(len(ticks) - 1, -1, -1):
            since = ticks[index - 1].seconds if index else 0.0
            if index < first and end - since > whole / part:
                break
            first = index
            stable, candidate = stable + ticks[index].stable, candidate + ticks[index].candidate
        yield end - (ticks[first - 1].seconds if first else 0.0), stable, candidate


def _standard_errors(stable: Counts, candidate: Counts, plan: Plan) -> float:
    """Return the distance from the accepted margin in standard errors, 0 with too few events."""
    if not stable.total or not candidate.total:
        return 0.0
    pooled = (stable.events + candidate.events) / (stable.total + candidate.total)
    if min(pooled, 1 - pooled) * min(stable.total, candidate.total) < _LEAST_EVENTS:
        return 0.0
    sign, factor = (-1, 1 - plan.drop) if plan.good == "up" else (1, 1 + plan.drop)
    accepted = margin_difference(stable, candidate, factor)
    return sign * accepted.value / accepted.unpooled_error
