"""Checks of the inputs of a paired comparison: one label and two scores for each row."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class PairedDifference:
    """A metric of both versions on the same rows: candidate minus stable, with its standard error."""

    stable: float
    candidate: float
    error: float

    @property
    def value(self) -> float:
        """The metric of the candidate minus that of stable."""
        return self.candidate - self.stable


def check_rows(labels: Sequence[float], stable: Sequence[float], candidate: Sequence[float]) -> None:
    """ValueError unless all columns have the same length and finite numbers."""
    columns = {"labels": labels, "scores of stable": stable, "scores of the candidate": candidate}
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{length} {name}" for name, length in lengths.items())
        raise ValueError(f"a paired comparison needs columns of the same length, not {listed}")
    for name, column in columns.items():
        for row, number in enumerate(column, start=1):
            if not math.isfinite(number):
                raise ValueError(f"row {row} of the {name} is {number}, not a finite number")
