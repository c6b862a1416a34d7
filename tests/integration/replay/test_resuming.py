"""A replay that is killed, interrupted or cut off goes on from its journal, and loses and repeats nothing."""

from __future__ import annotations

import json
import signal
import sqlite3
import time
from pathlib import Path

import pytest
from replaying import Logged, Replaying
from repo import run

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("replay")]

AT_ONCE = 4


def journaled(journal: Path) -> int:
    """Return the number of replayed requests in a journal that nobody uses."""
    database = sqlite3.connect(journal)
    try:
        return int(database.execute("SELECT count(*) FROM request").fetchone()[0])
    finally:
        database.close()


@pytest.mark.parametrize(("number", "status"), [(signal.SIGKILL, -9), (signal.SIGINT, 130)])
def test_a_run_that_is_killed_half_way_goes_on(
    replaying: Replaying, tmp_path: Path, number: signal.Signals, status: int
) -> None:
    journal, ids = tmp_path / "journal.sqlite", Logged.read(replaying.log("diabetes")).ids
    total = len(ids("42")) + len(ids("41"))
    replaying.control(delay=0.05)
    words = ("--journal", str(journal), "--concurrency", str(AT_ONCE), "--format", "json")
    process = replaying.start("diabetes", *words)
    end = time.monotonic() + 60
    while len(replaying.asked()) < total // 2 and time.monotonic() < end:
        time.sleep(0.05)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == status, errors
    first, kept = replaying.asked(), journaled(journal)
    assert 0 < kept <= len(first) < total
    if number == signal.SIGINT:
        assert f"{kept:,} replayed requests are in the journal; the same command goes on from there" in errors
    replaying.control()
    report = replaying.report("diabetes", *words[:2])
    second = replaying.asked()
    assert journaled(journal) == total
    assert report["arms"]["failed"]["compared"] + report["arms"]["floor"]["compared"] == total
    assert report["server"]["kept"] == kept and report["server"]["sent"] == total - kept
    assert set(second) | set(first) == {*ids("42"), *ids("41")}
    again = set(first) & set(second)
    warmed_up = {*list(second)[:5]}
    if number == signal.SIGINT:  # only requests that had no answer yet are sent again
        assert len(again - warmed_up) <= AT_ONCE
    words_again = replaying.words("diabetes", "--journal", str(journal), "--format", "json")
    whole = json.loads(run(*words_again).out)
    assert whole["server"]["sent"] == 0
    assert [whole[name] for name in ("outputs", "moved", "arms")] == [
        report[name] for name in ("outputs", "moved", "arms")
    ]


def test_a_journal_of_another_replay_is_refused(replaying: Replaying, tmp_path: Path) -> None:
    journal = tmp_path / "journal.sqlite"
    assert replaying.run("cancer", "--journal", str(journal), "--limit", "5").status == 0
    before = journal.read_bytes()
    replaying.control()
    done = replaying.run("cancer", "--journal", str(journal), "--limit", "6")
    assert done.status == 2
    assert "belongs to another replay: its limit was 5, now 6" in done.err
    done = replaying.run("cancer", "--journal", str(journal), "--limit", "5", "--timeout", "4s")
    assert "its timeout was 5s, now 4s" in done.err
    assert journal.read_bytes() == before and replaying.asked() == {}


def test_a_server_that_stops_to_answer_ends_the_run(replaying: Replaying) -> None:
    ids = Logged.read(replaying.log("diabetes")).ids
    order = [each for pair in zip(ids("42"), ids("41"), strict=True) for each in pair]
    replaying.control(dict.fromkeys(order[100:], "reset"))
    done = replaying.run("diabetes", "--concurrency", "1")
    assert done.status == 3, done.text
    assert "no answer to 20 requests in a row" in done.err
    assert "100 replayed requests are in the journal; the same command goes on from there" in done.err
    assert len(replaying.asked()) == 120
    replaying.control()
    done = replaying.run("diabetes", "--concurrency", "1", "--format", "json")
    assert done.status == 0 and "100 requests are in the journal, and are not sent again" in done.err
    report = json.loads(done.out)
    assert report["arms"]["failed"]["failures"] == {} and report["server"]["sent"] == len(order) - 100


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--model", "fraud"), "answered none of the first 5 requests: status 404"),
        (("--against", "http://127.0.0.1:9"), "answered none of the first 5 requests: Connection refused"),
        (("--protocol", "mlflow", "--against", "http://127.0.0.1:9/a?b"), "is not the address of a server"),
        (("--output", "missing/report.html"), "missing/report.html cannot be written"),
        (("--header-env", "Authorization=NOT_SET_ANYWHERE"), "the environment variable NOT_SET_ANYWHERE is not set"),
    ],
)
def test_a_server_that_never_answers_gets_five_requests(
    replaying: Replaying, words: tuple[str, ...], message: str
) -> None:
    done = replaying.run("cancer", *words)
    assert done.status == (3 if "answered none" in message else 2)
    assert message in done.err
    assert sum(replaying.asked().values()) in (0, 5)
