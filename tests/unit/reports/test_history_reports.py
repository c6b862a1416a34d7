"""The text of a history: no line is too long, and no text of a commit moves a cursor."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import folders
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout_spec.domain.rollout_history import HistoryEntry, PastState, Person, RolloutHistory, with_times
from rollout_spec.domain.step_names import FileState
from rollout_spec.reports.history_json import history_json
from rollout_spec.reports.history_text import history_text, past_text, summary
from rollout_spec.spec.rollout import RolloutSpec
from rollout_spec.workspace.loader import read_file

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
FILE = Path(folders.CHECKOUT, "examples/acme-models/rollouts/fraud.yaml")
SPEC: RolloutSpec = read_file("rollouts/fraud.yaml", "ModelRollout", FILE.read_bytes()).require_model().spec
TEXTS = st.text("a\x1b\n\u202e\x9b\U000e0001", max_size=120)
STATES = st.sampled_from([FileState(False), FileState(True), FileState(True, SPEC)])
TIMES = st.sampled_from([datetime(1, 1, 1, tzinfo=UTC), NOW, datetime(9999, 12, 31, tzinfo=UTC)])
PEOPLE = st.builds(Person, TEXTS, TEXTS)
ENTRIES = st.builds(
    HistoryEntry,
    commit=st.just("c" * 40),
    at=TIMES,
    change=st.sampled_from(["advanced", "rolled back", "unknown"]),
    before=STATES,
    after=STATES,
    author=PEOPLE,
    reason=TEXTS,
    version=st.none() | st.just("v" * 128),
    merged_by=st.none() | PEOPLE,
    incident=st.none() | st.just("fraud-42"),
    forced=st.none() | TEXTS,
    note=st.none() | TEXTS,
)


@given(st.lists(ENTRIES, max_size=4))
def test_no_line_is_longer_than_80_columns(entries: list[HistoryEntry]) -> None:
    history = RolloutHistory("fraud", "main", "c" * 40, with_times(entries))
    text = history_text(history, NOW)
    assert re.sub(r"\x1b\[\d+m|\x1b\[0m", "", history_text(history, NOW, color=True)) == text
    assert all(len(line) <= 80 and line.isprintable() for line in text.splitlines())
    assert len(history_json(history, None)["entries"]) == len(entries)


def entry(**fields: Any) -> HistoryEntry:
    known = FileState(True, SPEC)
    return HistoryEntry(
        "c" * 40, NOW - timedelta(hours=1), "advanced", known, known, Person("Ada", "a@b"), "x", **fields
    )


@pytest.mark.parametrize(
    ("fields", "text"), [({"version": "42"}, "advanced 42 to canary-5"), ({}, "advanced to canary-5")]
)
def test_a_change_is_summed_up(fields: dict[str, Any], text: str) -> None:
    assert summary(entry(**fields)) == text


def test_the_state_at_a_time_says_why_it_may_be_wrong() -> None:
    text = past_text(PastState(NOW, entry(), doubt="the dates are out of order"), "fraud", NOW)
    assert text.startswith("fraud at 2026-11-20T12:00:00Z: 95% to 41, 5% to 42\n")
    assert text.endswith("this may be wrong: the dates are out of order\n")
    absent = PastState(NOW, None, "fraud was not there yet")
    assert past_text(absent, "fraud", NOW) == "fraud at 2026-11-20T12:00:00Z: fraud was not there yet\n"
