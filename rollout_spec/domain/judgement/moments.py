"""The plan of a comparison, and its evidence at each look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal

from rollout_spec.domain.statistics.counts import Tick


@dataclass(frozen=True)
class Plan:
    """The plan of a comparison.

    ``drop`` is the relative change for the worse that is not accepted, ``horizon`` the judged time of the stage in
    seconds, None if it has no hold. ``is_single``: one look, at the horizon.
    """

    metric: str
    drop: float
    alpha: float
    good: Literal["up", "down"]
    horizon: float | None = None
    is_single: bool = False


@dataclass(frozen=True)
class Moment:
    """The evidence after one tick: that the candidate is worse, and that it is not worse than accepted.

    ``needed`` is the evidence that decides. ``is_worse``: the candidate is worse as counted. ``is_look``: a verdict is
    possible here. ``interval`` contains the relative difference of the candidate.
    """

    evidence: float
    acquittal: float
    needed: float
    is_worse: bool
    is_look: bool = True
    interval: tuple[float, float] | None = None


def cumulated(ticks: Sequence[Tick]) -> list[Tick]:
    """Return the sums from the first tick to each."""
    return list(accumulate(ticks, _add))


def _add(so_far: Tick, tick: Tick) -> Tick:
    return Tick(tick.seconds, so_far.stable + tick.stable, so_far.candidate + tick.candidate)
