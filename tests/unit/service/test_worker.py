"""The worker with answers of a test: errors of one breach, of the inbox, and of workers before it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Event, Thread
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest
from inbox_cases import START, end_lease, finish, lease, new, row, set_columns
from sqlalchemy import select

from rollout_spec.core.errors import UserError
from rollout_spec.service import worker as module
from rollout_spec.service.answers import Answer
from rollout_spec.service.database import BREACHES, Database, DatabaseError
from rollout_spec.service.inbox import Inbox
from rollout_spec.service.records import StoredBreach
from rollout_spec.service.worker import Worker, WorkerOptions
from rollout_spec.service.workspaces import Served, ServedWorkspace
from rollout_spec.spec.workspace import Automation
from rollout_spec.workflows.locate import WorkspaceLocation


@pytest.fixture
def worker(inbox: Inbox, tmp_path: Path) -> Worker:
    return Worker(inbox, WorkerOptions(tmp_path, lease=5.0), owner="me", served=Served({"acme": served_workspace()}))


def served_workspace(folder: str = "old") -> ServedWorkspace:
    settings: Any = SimpleNamespace(spec=SimpleNamespace(automation=Automation(), forge=None, service=None))
    return ServedWorkspace("acme", WorkspaceLocation(Path(), Path(), None, folder), settings, "c")


@contextmanager
def answering(**replaced: Any) -> Iterator[None]:
    """Replace git and the forge; ``follow`` and ``answer_all`` are of the test."""
    base = SimpleNamespace(automation=Automation(), branch="main", commit="c")
    with mock.patch.multiple(
        module,
        forge_of=lambda *_: SimpleNamespace(),
        **{
            "base_of": lambda workspace: (base, workspace.settings),
            "answer_all": lambda rows, *_: iter([Answer(each, "done", {}) for each in rows]),
            **replaced,
        },
    ):
        yield


def test_one_pull_request_that_cannot_be_read_stops_no_other(worker: Worker, inbox: Inbox) -> None:
    receipts = inbox.add([new("a"), new("b"), new("c")])
    lease(inbox)
    for each in receipts:
        finish(inbox, each.id, "watching")

    def follow(each: StoredBreach, *_: object) -> Answer:
        if each.id == receipts[1].id:
            raise UserError("the forge has no such pull request")
        return Answer(each, "done", {"pullRequest": {"state": "merged"}})

    with answering(follow=follow):
        assert worker.work()
    assert [row(inbox, each.id).state for each in receipts] == ["done", "watching", "done"]
    assert row(inbox, receipts[1].id).outcome["pullRequest"] == {"number": 1}


def test_new_breaches_are_answered_before_open_pull_requests_are_looked_at(worker: Worker, inbox: Inbox) -> None:
    receipts = inbox.add([new("a"), new("b")])
    lease(inbox)
    for each in receipts:
        finish(inbox, each.id, "watching")
    (fresh,) = inbox.add([new("c")])
    done: list[str] = []

    def note(rows: Sequence[StoredBreach], *_: object) -> Iterator[Answer]:
        done.extend(each.id for each in rows)
        return iter([Answer(each, "done", {}) for each in rows])

    def follow(each: StoredBreach, *_: object) -> Answer:
        done.append(each.id)
        return Answer(each, "done", {})

    with answering(answer_all=note, follow=follow):
        assert worker.work()
    assert done[0] == fresh.id and len(done) == 3


@pytest.mark.parametrize(("age", "state"), [(60.0, "waiting"), (2 * 86_400.0, "failed")])
def test_a_breach_without_an_answer_fails_once_it_is_too_old(
    age: float, state: str, worker: Worker, inbox: Inbox, database: Database
) -> None:
    (receipt,) = inbox.add([new()])
    set_columns(database, receipt.id, received_at=row(inbox, receipt.id).received_at - age)

    def refuse(*_: object) -> Iterator[Answer]:
        raise UserError("the remote is down")

    with answering(answer_all=refuse):
        worker.work()
    assert row(inbox, receipt.id).state == state
    assert row(inbox, receipt.id).outcome["error"] == "the remote is down"


def test_people_get_one_message_of_a_failed_breach_that_is_delivered_again(
    worker: Worker, inbox: Inbox, database: Database
) -> None:
    (receipt,) = inbox.add([new()])
    messages = []
    for start in (START, START, START + timedelta(hours=1)):
        inbox.add([new(at=start)])
        set_columns(database, receipt.id, due_at=1.0, received_at=1.0, notify_at=None)
        with answering(answer_all=mock.Mock(side_effect=UserError("the remote is down"))):
            assert worker.work()
        assert row(inbox, receipt.id).state == "failed"
        with database.reading() as connection:
            messages.append(connection.execute(select(BREACHES.c.notify_at)).scalar_one() is not None)
    assert messages == [True, False, True]


def test_a_breach_that_ends_each_worker_fails_once_it_is_too_old(
    worker: Worker, inbox: Inbox, database: Database
) -> None:
    """Inject a breach whose answer ends the process again and again."""
    ill, healthy = inbox.add([new("ill"), new("healthy")])
    lease(inbox, "killed", 1)
    for each in (ill, healthy):
        set_columns(database, each.id, received_at=1.0)
    end_lease(database, ill.id)
    end_lease(database, healthy.id)
    with answering():
        while worker.work():
            pass
    states = {row(inbox, each.id).state: row(inbox, each.id).outcome for each in (ill, healthy)}
    assert states == {"failed": {"error": "the workers that answered this breach ended"}, "done": {}}


def test_an_inbox_that_takes_no_outcome_fails_no_breach(worker: Worker, inbox: Inbox, database: Database) -> None:
    """Inject an inbox that is full while the outcome is written."""
    receipts = inbox.add([new("a"), new("b")])
    full = mock.patch.object(inbox, "finish", side_effect=DatabaseError("full"))
    with answering(), full, pytest.raises(DatabaseError, match="full"):
        worker.work()
    inbox.release("me")
    assert [row(inbox, each.id).outcome for each in receipts] == [{}, {}]
    with answering():
        assert worker.work()
    assert [row(inbox, each.id).state for each in receipts] == ["done", "done"]


def test_a_long_answer_ends_the_worker(inbox: Inbox, tmp_path: Path) -> None:
    """Inject an answer that takes longer than any may."""
    ended: list[bool] = []
    worker = Worker(inbox, WorkerOptions(tmp_path, lease=0.15, most=0.2), end=lambda: ended.append(True))
    inbox.add([new()])
    rows = lease(inbox)
    with worker._renewed(rows):
        end = time.monotonic() + 10
        while not ended and time.monotonic() < end:
            time.sleep(0.01)
    assert ended == [True]


def test_a_workspace_that_moved_is_found_again(worker: Worker, inbox: Inbox, database: Database) -> None:
    (receipt,) = inbox.add([new()])

    def base_of(workspace: ServedWorkspace) -> tuple[object, object]:
        if workspace.location.prefix == "old":
            raise UserError("old has no .rollout-spec.yaml on main")
        return SimpleNamespace(automation=Automation(), branch="main", commit="c"), workspace.settings

    with answering(base_of=base_of, serve_again=lambda *_: Served({"acme": served_workspace("new")})):
        worker.work()
        assert row(inbox, receipt.id).state == "waiting"
        set_columns(database, receipt.id, due_at=1.0)
        worker.work()
    assert row(inbox, receipt.id).state == "done"


def test_a_breach_of_a_workspace_that_was_renamed_meanwhile_gets_its_answer(worker: Worker, inbox: Inbox) -> None:
    (receipt,) = inbox.add([new()])
    renamed = replace(served_workspace(), name="renamed")
    names: list[str] = []

    def base_of(workspace: ServedWorkspace) -> tuple[Any, Any]:
        names.append(workspace.name)
        if workspace.name == "acme":
            raise UserError("the workspace acme has the name renamed on main now")
        return SimpleNamespace(automation=Automation(), branch="main", commit="c"), workspace.settings

    def serve_again(*_: object) -> Served:
        return Served({"renamed": renamed}, owners={"acme": "old", "renamed": "old"})

    with answering(base_of=base_of, serve_again=serve_again, random=SimpleNamespace(uniform=lambda *_: 0.0)):
        worker.work()
        worker.work()
    assert row(inbox, receipt.id).state == "done" and names == ["acme", "renamed"]
    assert worker.served.find("acme") is worker.served.find("renamed")


def test_no_message_is_sent_about_a_trial(worker: Worker, inbox: Inbox, database: Database) -> None:
    (receipt,) = inbox.add([new(dry_run=True)])

    def refuse(*_: object) -> Iterator[Answer]:
        raise UserError("the remote is down")

    with answering(answer_all=refuse, random=SimpleNamespace(uniform=lambda *_: 0.0)):
        for _ in range(4):
            worker.work()
    set_columns(database, receipt.id, received_at=1.0)
    with answering(answer_all=refuse):
        worker.work()
    with database.reading() as connection:
        assert connection.execute(select(BREACHES.c.state, BREACHES.c.notify_at)).one() == ("failed", None)


def test_a_worker_with_too_many_threads_ends_after_its_answer(worker: Worker, inbox: Inbox) -> None:
    """A forge that answers byte by byte leaves a thread behind at each request."""
    (receipt,) = inbox.add([new()])
    ended, ends = Event(), list[str]()
    threads = [Thread(target=ended.wait, daemon=True) for _ in range(module._MOST_THREADS)]
    worker.end = lambda: ends.append(row(inbox, receipt.id).state)
    for thread in threads:
        thread.start()
    try:
        with answering():
            worker.work()
    finally:
        ended.set()
        for thread in threads:
            thread.join()
    assert ends == ["done"]
    inbox.add([new("b")])
    with answering():
        worker.work()
    assert ends == ["done"]
