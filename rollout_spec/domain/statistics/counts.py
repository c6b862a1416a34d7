"""Counts of events among requests."""

from __future__ import annotations

import math
from dataclasses import dataclass


def check_number(name: str, number: float) -> None:
    """ValueError unless a number is finite and at least 0."""
    if not (math.isfinite(number) and number >= 0):
        raise ValueError(f"{name} must be a finite number of at least 0, not {number}")


@dataclass(frozen=True)
class Counts:
    """Events among a total. Both may be fractions, after a correction for bursts.

    Events may exceed the total: in a short time an order can be counted after its session. ValueError if a number is
    negative, infinite or NaN.
    """

    events: float
    total: float

    def __post_init__(self) -> None:
        check_number("events", self.events)
        check_number("total", self.total)

    @property
    def rate(self) -> float:
        """The share of events, NaN without traffic."""
        return self.events / self.total if self.total else math.nan

    @property
    def complement(self) -> Counts:
        """The requests without an event. ValueError if there are more events than requests."""
        return Counts(self.total - self.events, self.total)

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.events + other.events, self.total + other.total)

    def scaled(self, by: float) -> Counts:
        """Return both numbers times a factor."""
        return Counts(self.events * by, self.total * by)


@dataclass(frozen=True)
class Tick:
    """The counts of both versions since the tick before.

    ``seconds`` is the end of the tick, since the first judged moment.
    """

    seconds: float
    stable: Counts
    candidate: Counts
