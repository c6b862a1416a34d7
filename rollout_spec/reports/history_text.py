"""The history of a rollout as text: three lines for each entry, newest first."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from rollout_spec.core.text import escape
from rollout_spec.core.units import format_time
from rollout_spec.domain.rollout_history import HistoryEntry, PastState, RolloutHistory
from rollout_spec.reports.short_values import cut, short_duration

WIDTH = 80
_COLORS = {"rolled back": "31", "unknown": "33", "changed": "33", "promoted": "32"}


def history_text(history: RolloutHistory, now: datetime, *, color: bool = False, width: int = WIDTH) -> str:
    """Return the entries, and below them the reason if older ones are missing."""
    lines = [line for entry in history.entries for line in _entry(entry, now, color, width)]
    if history.left_out:
        lines.append("older changes are left out: --limit")
    if history.missing:
        lines.append(f"older changes are unknown: {history.missing}")
    return "".join(f"{line}\n" for line in lines)


def past_text(state: PastState, rollout: str, now: datetime, *, color: bool = False, width: int = WIDTH) -> str:
    """Return the state at a time."""
    head = f"{rollout} at {format_time(state.moment)}:"
    if state.entry is None:
        return f"{head} {state.reason}\n"
    lines = [escape(f"{head} {_traffic(state.entry)}"), *_entry(state.entry, now, color, width)]
    if state.doubt:
        lines.append(f"this may be wrong: {state.doubt}")
    return "".join(f"{line}\n" for line in lines)


def summary(entry: HistoryEntry) -> str:
    """Return the change in a few words: ``advanced 42 to canary-5``."""
    words = entry.change if entry.version is None else f"{entry.change} {entry.version}"
    spec = entry.after.spec
    if entry.change in ("proposed", "advanced", "retreated") and spec is not None and spec.live.stage is not None:
        words += f" to {spec.live.stage}"
    return words


def _entry(entry: HistoryEntry, now: datetime, color: bool, width: int) -> Iterator[str]:
    time, lasted = format_time(entry.at), _lasted(entry, now)
    words = cut(summary(entry), width - len(time) - len(lasted) - 4)
    gap = " " * (width - len(time) - len(words) - len(lasted) - 2)
    code = _COLORS.get(entry.change)
    shown = f"\x1b[{code}m{words}\x1b[0m" if color and code else words
    yield f"{time}  {shown}{gap}{lasted}".rstrip()
    if entry.moves:
        yield cut(f"    {_traffic(entry)}", width)
    yield from _reasons(entry, width)
    merged = f", merged by {entry.merged_by.name}" if entry.merged_by and entry.merged_by != entry.author else ""
    yield cut(f"    by {entry.author.name}{merged}", width - 14) + f"  {entry.commit[:12]}"


def _traffic(entry: HistoryEntry) -> str:
    split = entry.after.split
    if split is not None:
        return split.text
    return "traffic unknown" if entry.after.exists else "the file is absent"


def _reasons(entry: HistoryEntry, width: int) -> Iterator[str]:
    """Yield the reasons of a change: breach, subject, forced step and note."""
    if entry.incident is not None:
        yield cut(f"    {entry.trigger or 'by hand'}, incident {entry.incident}", width)
    yield cut(f"    {entry.reason}", width)
    if entry.forced is not None:
        yield cut(f"    forced: {entry.forced}", width)
    if entry.note is not None:
        yield cut(f"    note: {entry.note}", width)


def _lasted(entry: HistoryEntry, now: datetime) -> str:
    """Return how long the state lasted, empty if the change moves nothing."""
    if not entry.moves:
        return ""
    if entry.is_last:
        return f"{short_duration(now - entry.at)}, now" if now >= entry.at else "now"
    return short_duration(entry.until - entry.at) if entry.until is not None else "?"
