"""Counts of events that come in bursts: each counts for less than one independent event."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rollout_spec.domain.statistics import design_effect
from rollout_spec.domain.statistics.counts import Tick

_LEAST_NOTED = 1.05
_ASSUMED = 2.0
"""The design effect until it can be measured. Without it most false alarms of bursts are in these first ticks."""


@dataclass(frozen=True)
class Bursts:
    """The design effect: the number of events that count as one independent event, at least 1."""

    effect: float
    is_measured: bool = True

    @classmethod
    def of(cls, ticks: Sequence[Tick], earlier: Sequence[Sequence[Tick]], *, of_candidate: bool = False) -> Bursts:
        """Measure the bursts of stable, or of the candidate if there is no control arm.

        A young stage has too few ticks for that. Then the newest of the earlier stages counts that has enough.
        """
        for stage in (ticks, *reversed(earlier)):
            effect = design_effect.measure([tick.candidate if of_candidate else tick.stable for tick in stage])
            if effect is not None:
                return cls(effect)
        return cls(_ASSUMED, is_measured=False)

    def spread(self, ticks: Sequence[Tick]) -> list[Tick]:
        """Return ticks whose counts are divided by the design effect."""
        return design_effect.corrected(ticks, self.effect)

    @property
    def notes(self) -> tuple[str, ...]:
        """A note for people, if the effect is not negligible."""
        if self.effect < _LEAST_NOTED:
            return ()
        why = "events come in bursts" if self.is_measured else "it is too early to measure bursts of events"
        return (f"{why}: each counts as 1/{self.effect:.3g} (design effect)",)
