"""The time that each state lasted, and the state at a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from rollout_spec.domain.rollout_history import HistoryEntry, Person, RolloutHistory, state_at, with_times
from rollout_spec.domain.step_names import FileState

START = datetime(2026, 11, 20, tzinfo=UTC)
ADA = Person("Ada", "ada@example.com")
NOW = START + timedelta(minutes=51)
UNKNOWN = FileState(True)


def history(minutes: list[int]) -> RolloutHistory:
    """Return a history whose commits have these dates, oldest first."""
    entries = [
        HistoryEntry(f"c{number}", START + timedelta(minutes=at), "unknown", UNKNOWN, UNKNOWN, ADA, "")
        for number, at in enumerate(minutes)
    ]
    return RolloutHistory("fraud", "main", "c", with_times(entries[::-1]))


@given(st.lists(st.integers(0, 50), min_size=1), st.integers(-1, 51))
def test_in_order_one_state_is_live_at_each_time(minutes: list[int], at: int) -> None:
    told = history(sorted(minutes))
    moment = START + timedelta(minutes=at)
    state = state_at(told, moment, NOW)
    assert state.doubt is None
    if state.entry is None:
        assert at < min(minutes)
        return
    assert state.entry.at <= moment
    assert state.entry.until is None or moment < state.entry.until
    assert all(entry.until is not None or entry.is_last for entry in told.entries)


@given(st.lists(st.integers(0, 50), min_size=1), st.integers(0, 50))
def test_out_of_order_no_state_lasts_a_negative_time(minutes: list[int], at: int) -> None:
    told = history(minutes)
    assert all(entry.until is None or entry.until >= entry.at for entry in told.entries)
    assert all(entry.until is not None or entry.is_last or entry.note for entry in told.entries)
    state = state_at(told, START + timedelta(minutes=at), NOW)
    newest = max((number for number, each in enumerate(minutes) if each <= at), default=None)
    if newest is not None:
        assert state.entry is not None and state.entry.commit == f"c{newest}"
        assert (state.doubt is not None) == any(each > at for each in minutes[:newest])


def test_a_date_in_the_future_is_a_doubt() -> None:
    state = state_at(history([0, 60]), NOW, NOW)
    assert state.entry is not None and state.entry.commit == "c0"
    assert state.doubt == "c1 is live already, and its date is in the future"
    assert state_at(history([60]), NOW, NOW).reason == "unknown: c0 is live already, and its date is in the future"
