"""What a report format is: a function from findings to text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from rollout_spec.finding import Finding, Skipped


@dataclass(frozen=True)
class View:
    """How a person looks at a report. ``lines_of`` gives the lines of a file for excerpts; None where nobody looks."""

    lines_of: Callable[[str], Sequence[str]] | None = None
    color: bool = False


class Reporter(Protocol):
    """One module of this package."""

    def report(self, findings: Sequence[Finding], skipped: Sequence[Skipped], view: View, /) -> str:
        """Return the whole report."""
