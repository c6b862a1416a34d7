"""The history of a rollout as plain data for JSON."""

from __future__ import annotations

from typing import Any

from rollout_spec.core.units import format_time
from rollout_spec.domain.rollout_history import HistoryEntry, PastState, Person, RolloutHistory
from rollout_spec.reports.short_values import split_fields

VERSION = 1


def history_json(history: RolloutHistory, not_asked: str | None, state: PastState | None = None) -> dict[str, Any]:
    """Return the history, or with ``state`` the entry that was live at a time.

    docs/status.md describes the fields.
    """
    head: dict[str, Any] = {
        "version": VERSION,
        "rollout": history.rollout,
        "branch": history.branch,
        "commit": history.commit,
        "remoteNotAsked": not_asked,
        "missing": history.missing,
        "leftOut": history.left_out,
    }
    if state is None:
        return {**head, "entries": [_entry(entry) for entry in history.entries]}
    return {
        **head,
        "at": format_time(state.moment),
        "entry": _entry(state.entry) if state.entry is not None else None,
        "reason": state.reason,
        "doubt": state.doubt,
    }


def _entry(entry: HistoryEntry) -> dict[str, Any]:
    live = entry.after.spec.live if entry.after.spec is not None else None
    lasted = int((entry.until - entry.at).total_seconds()) if entry.until is not None and entry.moves else None
    return {
        "at": format_time(entry.at),
        "until": format_time(entry.until) if entry.until is not None else None,
        "lastedSeconds": lasted,
        "current": entry.is_last and entry.moves,
        "change": entry.change,
        "changeOf": entry.version,
        "stable": live.stable if live is not None else None,
        "candidate": live.candidate if live is not None else None,
        "stage": live.stage if live is not None else None,
        "traffic": split_fields(entry.after.split),
        "moves": entry.moves,
        "reason": entry.reason,
        "trigger": entry.trigger,
        "incident": entry.incident,
        "forced": entry.forced,
        "author": _person(entry.author),
        "mergedBy": _person(entry.merged_by),
        "commit": entry.commit,
        "pullRequestHead": entry.pull_request,
        "note": entry.note,
    }


def _person(person: Person | None) -> dict[str, str] | None:
    return {"name": person.name, "address": person.address} if person is not None else None
