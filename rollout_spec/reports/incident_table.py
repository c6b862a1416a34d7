"""Incidents as a table of 80 columns: a line for each, those that need a person first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from rollout_spec.core.text import escape
from rollout_spec.domain.incident_records import ENDED, IncidentRecord
from rollout_spec.reports.columns import fitted_widths, row_line
from rollout_spec.reports.short_values import short_duration

WIDTH = 80
_HEADS = ("incident", "state", "rollout", "version", "trigger", "age", "owner")
_STATE, _AGE = 1, 5
_SHORTEST_NAME, _LONGEST_STATE, _LONGEST_AGE = 12, len("unreadable"), 7
_RED, _YELLOW = "31", "33"


def incident_table(records: Sequence[IncidentRecord], now: datetime, *, color: bool = False, width: int = WIDTH) -> str:
    """Return the table, empty without records. No line is longer than ``width``: names are cut."""
    if not records:
        return ""
    rows = [_HEADS, *([escape(cell) for cell in _cells(record, now)] for record in records)]
    least = [_SHORTEST_NAME, *(len(head) for head in _HEADS[1:])]
    least[_STATE], least[_AGE] = _LONGEST_STATE, _LONGEST_AGE
    widths = fitted_widths(rows, least, width)
    colors = [{}, *({_STATE: _color(record)} if color and _color(record) else {} for record in records)]
    return "".join(f"{row_line(row, widths, own)}\n" for row, own in zip(rows, colors, strict=True))


def age(moment: datetime, now: datetime) -> str:
    """Return the time since a moment in its two largest units, ``0s`` if it is in the future."""
    return short_duration(max(now - moment, timedelta(0)))


def _cells(record: IncidentRecord, now: datetime) -> tuple[str, ...]:
    spec, incident = record.spec, record.incident
    versions = ", ".join(record.versions) or "?"
    if spec is None or incident is None:
        return record.name, record.state, record.rollout or "?", versions, "?", "?", "?"
    trigger, owner = spec.trigger or "-", incident.metadata.owner or "-"
    return record.name, record.state, spec.rollout, versions, trigger, age(spec.observed_at, now), owner


def _color(record: IncidentRecord) -> str:
    if record.state in ENDED:
        return ""
    return _YELLOW if record.state == "unmerged" else _RED
