"""Bursts: failures that come together carry less evidence than the same number of independent ones.

Retries and outages of seconds make the counts of a tick vary more than independent requests would. The ratio of the
two variances is the design effect. Counts divided by it carry the evidence that they really have.
"""

from __future__ import annotations

from collections.abc import Sequence

from rollout_spec.domain.statistics.counts import Counts, Tick

FEWEST_TICKS = 20
"""The fewest ticks with traffic that tell a design effect."""


def measure(control: Sequence[Counts]) -> float | None:
    """Return the design effect of the control, from its counts in each tick; at least 1.

    It is Pearson's chi-squared statistic of the ticks, divided by its degrees of freedom. It is None if fewer than 20
    ticks have traffic, and 1 if no request or every request has an event.
    Source: McCullagh & Nelder, "Generalized linear models", 2nd edition (1989), section 4.5.
    """
    ticks = [tick for tick in control if tick.total]
    if len(ticks) < FEWEST_TICKS:
        return None
    together = sum(ticks, Counts(0, 0))
    if not 0 < together.events < together.total:
        return 1.0
    rate = together.rate
    squares = sum((tick.events - tick.total * rate) ** 2 / tick.total for tick in ticks)
    return max(squares / (rate * (1 - rate) * (len(ticks) - 1)), 1.0)


def estimate(control: Sequence[Counts]) -> float:
    """Return the measured design effect of the control, or 1 if the ticks are too few."""
    measured = measure(control)
    return 1.0 if measured is None else measured


def corrected(ticks: Sequence[Tick], effect: float) -> list[Tick]:
    """Return ticks with the counts that carry the evidence of independent requests."""
    if not effect >= 1:
        raise ValueError(f"a design effect is at least 1, not {effect}")
    by = 1 / effect
    return [Tick(tick.seconds, tick.stable.scaled(by), tick.candidate.scaled(by)) for tick in ticks]
