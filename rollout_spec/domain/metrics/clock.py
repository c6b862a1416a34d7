"""The clock of Prometheus, compared with that of this machine."""

from __future__ import annotations

from datetime import datetime, timedelta

from rollout_spec.core.units import format_duration

MOST = timedelta(seconds=30)


def clock_problem(theirs: datetime | None, ours: datetime) -> str | None:
    """Return why the clocks do not agree, or None if they do or Prometheus did not send its time.

    With a clock that is ahead of Prometheus', the last moments of a window are in its future. It would repeat the
    newest samples there for five minutes, as if nothing were counted.
    """
    if theirs is None or abs(theirs - ours) <= MOST:
        return None
    side = "behind" if theirs < ours else "ahead of"
    return f"the clock of Prometheus is {format_duration(abs(theirs - ours))} {side} this machine's"
