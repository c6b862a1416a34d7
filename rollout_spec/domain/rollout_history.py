"""The past steps of one rollout, with the time that each state lasted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from rollout_spec.domain.step_names import FileState


@dataclass(frozen=True)
class Person:
    """The author of a commit, as it says. Anybody may write any name."""

    name: str
    address: str


@dataclass(frozen=True)
class HistoryEntry:
    """One commit of the base that changed a rollout's file.

    ``at`` is the committer's date. ``until`` is the time of the next change of ``live`` or of the traffic split: None
    if the state lasts, or if that time is before ``at``. ``pull_request`` is the merged head, if there was a merge
    commit; ``author`` is then its author, and ``merged_by`` that of the merge. ``note`` names the unknown facts.
    """

    commit: str
    at: datetime
    change: str
    before: FileState
    after: FileState
    author: Person
    reason: str
    version: str | None = None
    merged_by: Person | None = None
    pull_request: str | None = None
    incident: str | None = None
    trigger: str | None = None
    forced: str | None = None
    until: datetime | None = None
    note: str | None = None
    is_last: bool = False

    @property
    def moves(self) -> bool:
        """Return whether ``live`` or the traffic split changed, or may have changed."""
        old, new = self.before.spec, self.after.spec
        if old is None or new is None:
            return True
        return old.live != new.live or self.before.split != self.after.split


@dataclass(frozen=True)
class RolloutHistory:
    """The entries of a rollout, newest first. ``missing`` is the reason if older ones are not known."""

    rollout: str
    branch: str
    commit: str
    entries: tuple[HistoryEntry, ...]
    missing: str | None = None
    left_out: bool = False


@dataclass(frozen=True)
class PastState:
    """The entry that was live at a time.

    It is None if the file was not there yet, or if that is unknown: ``reason`` says which. ``doubt`` is the reason if
    the answer may be wrong.
    """

    moment: datetime
    entry: HistoryEntry | None
    reason: str | None = None
    doubt: str | None = None


def with_times(entries: Sequence[HistoryEntry]) -> tuple[HistoryEntry, ...]:
    """Return entries, newest first, with the time until which each state lasted."""
    timed: list[HistoryEntry] = []
    until: datetime | None = None
    for entry in entries:
        note = entry.note
        if until is not None and until < entry.at:
            note = "; ".join(filter(None, (note, "the next change has an earlier date, so its end is unknown")))
        lasted = until if until is None or until >= entry.at else None
        timed.append(replace(entry, until=lasted, note=note, is_last=until is None))
        if entry.moves:
            until = entry.at
    return tuple(timed)


def state_at(history: RolloutHistory, moment: datetime, now: datetime) -> PastState:
    """Return the state at a time: that of the newest commit whose date is not after it.

    A live commit with a date after ``now`` may have been live at that time too.
    """
    entries = history.entries
    at = next((index for index, entry in enumerate(entries) if entry.at <= moment), None)
    ahead = next((entry for entry in entries[:at] if entry.at > now), None)
    is_ahead = f"{ahead.commit[:12]} is live already, and its date is in the future" if ahead is not None else None
    if at is None:
        if is_ahead is not None:
            return PastState(moment, None, f"unknown: {is_ahead}")
        reason = f"unknown: {history.missing}" if history.missing else f"{history.rollout} was not there yet"
        return PastState(moment, None, reason)
    later = next((entry for entry in entries[at:] if entry.at > moment), None)
    doubt = is_ahead
    if later is not None:
        doubt = f"the dates are out of order: {later.commit[:12]} is older and has a later date"
    return PastState(moment, entries[at], doubt=doubt)
