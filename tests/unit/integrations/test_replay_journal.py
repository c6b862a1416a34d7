"""The journal keeps each replayed request once, and belongs to one replay."""

from __future__ import annotations

import os
import sqlite3
import stat
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rollout_spec.core.errors import UserError
from rollout_spec.core.inference import Tensor
from rollout_spec.core.replay import FAILURES, ReplayedAnswer, ReplayedRequest, ReplayFailure
from rollout_spec.integrations.replay_journal import open_journal

IDENTITY = {"logs": "a.jsonl (1 files, 10 bytes)", "limit": "5"}
TEXTS = st.text(st.characters(codec="utf-8"), max_size=20)
SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | TEXTS
TENSORS = st.builds(lambda name, data: Tensor(name, "FP64", (len(data),), data), TEXTS, st.lists(SCALARS, max_size=5))
OUTCOMES = st.builds(ReplayedAnswer, st.lists(TENSORS, max_size=2).map(tuple), st.floats(0, 1e6)) | st.builds(
    ReplayFailure, st.sampled_from(list(FAILURES)), TEXTS
)
REQUESTS = st.builds(
    ReplayedRequest,
    arm=st.sampled_from(["failed", "floor"]),
    position=st.integers(0, 2**40),
    request_id=TEXTS,
    logged=st.lists(TENSORS, max_size=2).map(tuple),
    outcome=OUTCOMES,
    logged_ms=st.none() | st.floats(0, 1e6),
    segment=st.none() | TEXTS,
    label=st.none() | st.lists(SCALARS, max_size=3).map(tuple),
    weight=st.floats(0, 1e6),
)


@settings(deadline=None)  # it waits for the disk
@given(st.lists(REQUESTS, max_size=6, unique_by=lambda request: request.position))
def test_requests_come_back_as_they_were(
    tmp_path_factory: pytest.TempPathFactory, requests: list[ReplayedRequest]
) -> None:
    path = tmp_path_factory.mktemp("journal") / "deep/journal.sqlite"
    with open_journal(path, IDENTITY) as journal:
        for request in requests:
            journal.add(request)
    first = {(request.arm, request.request_id): request for request in reversed(requests)}
    with open_journal(path, IDENTITY) as journal:
        assert list(journal.requests()) == sorted(first.values(), key=lambda request: request.position)
        assert journal.count() == len(first)
        for (arm, request_id), request in first.items():
            assert journal.position_of(arm, request_id) == request.position
        assert journal.position_of("floor", "another") is None or ("floor", "another") in first
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_one_process_uses_it_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    refused = pytest.raises(UserError, match="another replay uses the journal")
    with open_journal(path, IDENTITY), refused, open_journal(path, IDENTITY):
        pytest.fail("two at once")


def test_another_replay_is_refused_by_its_difference(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with open_journal(path, IDENTITY):
        pass
    refused = pytest.raises(UserError, match="belongs to another replay: its limit was 5, now 6")
    with refused, open_journal(path, {**IDENTITY, "limit": "6"}):
        pytest.fail("it was opened")


def test_a_file_of_something_else_is_left_alone(tmp_path: Path) -> None:
    text, other = tmp_path / "text", tmp_path / "other.sqlite"
    text.write_text("not a database, but long enough to look like one" * 100)
    database = sqlite3.connect(other)
    database.execute("CREATE TABLE orders (id)")
    database.commit()
    database.close()
    for path in (text, other):
        before = path.read_bytes()
        with pytest.raises(UserError, match="is not a journal of a replay"), open_journal(path, IDENTITY):
            pytest.fail("it was opened")
        assert path.read_bytes() == before
    tables = sqlite3.connect(other)
    assert tables.execute("SELECT name FROM sqlite_master").fetchall() == [("orders",)]
    tables.close()


def test_links_and_pipes_are_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "pipe"):
        with pytest.raises(UserError), open_journal(tmp_path / name, IDENTITY):
            pytest.fail("it was opened")
    assert not (tmp_path / "elsewhere").exists()


def test_a_broken_row_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    request = ReplayedRequest("failed", 0, "r", (), ReplayedAnswer((), 1.0))
    with open_journal(path, IDENTITY) as journal:
        journal.add(request)
    database = sqlite3.connect(path)
    database.execute("UPDATE request SET replayed = '[[1, 2]]'")
    database.commit()
    database.close()
    with open_journal(path, IDENTITY) as journal, pytest.raises(UserError, match="is not a journal of a replay"):
        list(journal.requests())
