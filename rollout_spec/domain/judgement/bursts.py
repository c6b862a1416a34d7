"""Counts of events that come in bursts: each counts for less than one independent event."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rollout_spec.domain.statistics import design_effect
from rollout_spec.domain.statistics.counts import Tick

_LEAST_NOTED = 1.05


@dataclass(frozen=True)
class Bursts:
    """The design effect: the number of events that count as one independent event, at least 1."""

    effect: float

    @classmethod
    def of(cls, ticks: Sequence[Tick], *, of_candidate: bool = False) -> Bursts:
        """Estimate the bursts of stable, or of the candidate if there is no control arm."""
        return cls(design_effect.estimate([tick.candidate if of_candidate else tick.stable for tick in ticks]))

    def spread(self, ticks: Sequence[Tick]) -> list[Tick]:
        """Return ticks whose counts are divided by the design effect."""
        return design_effect.corrected(ticks, self.effect)

    @property
    def notes(self) -> tuple[str, ...]:
        """A note for people, if the effect is not negligible."""
        if self.effect < _LEAST_NOTED:
            return ()
        return (f"events come in bursts: each counts as 1/{self.effect:.3g} (design effect)",)
