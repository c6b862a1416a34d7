"""The status of many rollouts as a table of 80 columns: a line for each rollout."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from rollout_spec.core.units import format_share
from rollout_spec.domain.rollout_status import RolloutStatus, WorkspaceStatus
from rollout_spec.reports.columns import fitted_widths, row_line
from rollout_spec.reports.short_values import cut, short_duration

WIDTH = 80
_HEADS = ("rollout", "stable", "candidate", "stage", "share", "hold", "back to", "inc", "PRs", "drill")
_SHORTEST_NAME = 10
"""The letters of a name that are always shown. The other columns are at least as wide as their heads."""
_MINUTE = timedelta(minutes=1)
_RED, _YELLOW, _GREEN = "31", "33", "32"


def status_table(status: WorkspaceStatus, now: datetime, *, color: bool = False, width: int = WIDTH) -> str:
    """Return the table. No line is longer than ``width``: names are cut."""
    if not status.rollouts:
        return "no rollouts\n"
    rows = [_HEADS, *(_cells(each, now, status.not_asked is None) for each in status.rollouts)]
    least = [_SHORTEST_NAME, *(len(head) for head in _HEADS[1:])]
    widths = fitted_widths(rows, least, width)
    lines = [row_line(rows[0], widths)]
    for each, row in zip(status.rollouts, rows[1:], strict=True):
        lines.append(_problem_line(each, widths, width, color) or row_line(row, widths, _colors(each, row, color)))
    return "".join(f"{line}\n" for line in lines)


def share(status: RolloutStatus) -> str:
    """Return the candidate's share of requests, or how else it receives some."""
    split = status.split
    if split is None or split.candidate is None:
        return "-"
    if split.weight or not (split.mirror or split.match):
        return format_share(split.weight)
    return "mirror" if split.mirror else "match"


def _cells(status: RolloutStatus, now: datetime, is_asked: bool) -> tuple[str, ...]:
    live = status.live
    return (
        status.name,
        live.stable if live is not None else "?",
        (live.candidate if live is not None else None) or "-",
        _stage(status),
        share(status),
        _hold(status, now),
        _target(status),
        str(len(status.incidents) or "-") if is_asked or status.incidents else "?",
        str(len(status.branches) or "-") if is_asked else "?",
        _age(status.drilled, now),
    )


def _stage(status: RolloutStatus) -> str:
    live = status.live
    if live is None or live.candidate is None:
        return "-"
    return live.stage or "proposed"


def _target(status: RolloutStatus) -> str:
    """Return the version that a rollback restores now.

    It is stable while a candidate receives requests, else a known-good version.
    """
    if status.live is not None and status.split is not None and status.split.candidate is not None:
        return status.live.stable
    return status.targets[0] if status.targets else "none"


def _hold(status: RolloutStatus, now: datetime) -> str:
    if status.hold is None:
        return "-"
    left = status.hold.left(now)
    if left is not None and left > _MINUTE:  # seconds would take the room of a name
        left -= left % _MINUTE
    return "?" if left is None else short_duration(left) if left else "over"


def _age(moment: datetime | None, now: datetime) -> str:
    """Return the age of a drill in its largest unit."""
    if moment is None:
        return "-"
    days = (now - moment) // timedelta(days=1)
    return f"{days}d" if days > 0 else "today"


def _problem_line(status: RolloutStatus, widths: Sequence[int], width: int, color: bool) -> str | None:
    """Return the line of a rollout that does not load, None if it does."""
    if status.problem is None:
        return None
    text = cut(status.problem, width - widths[0] - 2)
    shown = f"\x1b[{_RED}m{text}\x1b[0m" if color else text
    return f"{cut(status.name, widths[0]):<{widths[0]}}  {shown}"


def _colors(status: RolloutStatus, row: Sequence[str], color: bool) -> dict[int, str]:
    colors: dict[int, str] = {}
    if color:
        if row[5] == "over":
            colors[5] = _GREEN
        if row[6] == "none":
            colors[6] = _YELLOW
        if status.incidents:
            colors[7] = _RED
    return colors
