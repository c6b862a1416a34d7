"""Ticks of both versions with the same rates in each, for tests of verdicts."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rollout_spec.domain.judgement.arms import Arms
from rollout_spec.domain.statistics.counts import Counts, Tick

CANARY = Arms("41", "42", 0.05, has_control=True)
HALF = Arms("41", "42", 0.5, has_control=True)
FULL = Arms("41", "42", 1.0, has_control=False)

Rate = float | Callable[[int], float]


def steady(
    stable: Rate, candidate: Rate, *, arms: Arms = CANARY, count: int = 60, requests: float = 1500, seconds: float = 15
) -> list[Tick]:
    """Return ticks of ``requests`` requests, split as planned, whose events are exactly the rates.

    A rate may depend on the number of the tick.
    """
    share = arms.share or 0.0
    ticks = []
    for index in range(count):
        own, other = requests * share, requests * (1 - share)
        ticks.append(Tick((index + 1) * seconds, _counts(stable, index, other), _counts(candidate, index, own)))
    return ticks


def _counts(rate: Rate, index: int, total: float) -> Counts:
    return Counts((rate(index) if callable(rate) else rate) * total, total)


def during(ticks: Sequence[int], rate: float, otherwise: float) -> Callable[[int], float]:
    """Return a rate that differs in some ticks."""
    chosen = frozenset(ticks)
    return lambda index: rate if index in chosen else otherwise
