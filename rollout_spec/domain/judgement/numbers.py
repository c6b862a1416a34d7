"""Numbers of verdicts as text."""

from __future__ import annotations

from datetime import timedelta

from rollout_spec.core.units import format_duration
from rollout_spec.domain.statistics.counts import Counts


def percent(share: float) -> str:
    """Return a share as text, with three significant digits: ``0.0213`` → ``2.13%``."""
    return f"{100 * share:.3g}%" if abs(share) < 0.9995 else f"{100 * share:.4g}%"


def rate(counts: Counts) -> str:
    """Return counts as text: ``8.13% (100 of 1,230)``."""
    share = percent(counts.events / counts.total) if counts.total else "no rate"
    return f"{share} ({counts.events:,.0f} of {counts.total:,.0f})"


def duration(seconds: float) -> str:
    """Return a time as text, in whole seconds; whole minutes or hours if it is long."""
    size = 3600 if seconds >= 48 * 3600 else 60 if seconds >= 3600 else 1
    return format_duration(timedelta(seconds=max(size, round(seconds / size) * size)))
