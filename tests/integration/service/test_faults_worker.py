"""Workers that hang, freeze or end, and the end of the service in order."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
import pytest
import served
from faults import QUICK, check_answered, check_one_rollback, is_quiet, new_breach, post, serving, stopped_at, worker_of
from hosted_repositories import Hosted
from postgres import Postgres
from repo import Repo

from rollout_spec.service import worker_process
from rollout_spec.service.child_process import ProcessOptions
from rollout_spec.service.database import Database
from rollout_spec.service.health import State
from rollout_spec.service.inbox import Inbox
from rollout_spec.service.metrics import Metrics
from rollout_spec.service.worker_process import WorkerProcess

pytestmark = pytest.mark.system
FETCH = r"info/refs\?service=git-upload-pack"


def lives(pid: int) -> bool:
    """Return whether a process runs. One that ended and was not waited for does not."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


@contextmanager
def worker_alone(repo: Repo, monkeypatch: pytest.MonkeyPatch, **options: float) -> Iterator[tuple[Inbox, State]]:
    """Run only the worker, under its supervisor in this process."""
    monkeypatch.setenv("ALERTMANAGER_TOKEN", served.TOKEN)
    address = f"sqlite:///{repo.remote.parent / 'inbox.sqlite3'}"
    database, state = Database(address), State()
    database.prepare()
    inbox = Inbox(database)
    process = WorkerProcess(ProcessOptions(served.mirror(repo), address, 2.0, "text", **options), state, Metrics(state))
    process.start()
    try:
        yield inbox, state
    finally:
        process.stop()
        database.close()


def children_of_this(others: Collection[int] = ()) -> list[int]:
    """Return the processes that this one started, without those that other tests keep."""
    return [pid for pid in served.children(os.getpid()) if pid not in others and lives(pid)]


def test_a_worker_that_hangs_is_ended_with_its_git(repo: Repo, forge: Hosted, monkeypatch: pytest.MonkeyPatch) -> None:
    """Inject a remote that never answers a fetch, and an answer that may take three seconds."""
    others = children_of_this()
    with worker_alone(repo, monkeypatch, most=3.0) as (inbox, _):
        with stopped_at(forge.host, "before", FETCH) as stop:
            inbox.add([new_breach()])
            stop.wait()
            hanging = children_of_this(others)
            names = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in hanging]
            assert any(name.startswith(b"git\0") or b"git-remote-http" in name for name in names), names
            served.until(lambda: [pid for pid in hanging if _is_of_worker(pid)], lambda pids: not pids, 30)
        check_one_rollback(repo, forge)


def _is_of_worker(pid: int) -> bool:
    """Return whether a process lives that is no part of Python's own multiprocessing."""
    return lives(pid) and b"resource_tracker" not in Path(f"/proc/{pid}/cmdline").read_bytes()


def test_a_frozen_worker_is_ended_and_started_again(repo: Repo, forge: Hosted, monkeypatch: pytest.MonkeyPatch) -> None:
    """Inject a worker that gives no sign of life, as one that swaps or waits for a disk."""
    monkeypatch.setattr(worker_process, "_SILENT_SECONDS", 10.0)
    others = children_of_this()
    with worker_alone(repo, monkeypatch) as (inbox, state):
        served.until(lambda: state.worker, lambda error: error is None)
        with stopped_at(forge.host, "before", FETCH) as stop:
            inbox.add([new_breach()])
            stop.wait()
            frozen = next(pid for pid in children_of_this(others) if os.getsid(pid) == pid)
            os.kill(frozen, signal.SIGSTOP)
            served.until(lambda: lives(frozen), lambda it: not it, 40)
        check_one_rollback(repo, forge)
        served.until(lambda: state.worker, lambda error: error is None)


def test_readiness_tells_of_a_worker_that_ended(repo: Repo, forge: Hosted) -> None:
    with serving(repo) as running:
        served.until(lambda: running.get("/readyz").json()["problems"], lambda problems: "worker" not in problems)
        first = worker_of(running)
        served.kill(first)
        served.until(lambda: running.get("/readyz").json()["problems"], lambda problems: "worker" in problems)
        served.until(lambda: running.get("/readyz").json()["problems"], lambda problems: "worker" not in problems)
        assert worker_of(running) != first


@pytest.mark.real
@pytest.mark.parametrize("to_all", [False, True], ids=["to the service", "to all its processes"])
def test_a_service_that_is_asked_to_end_finishes_its_batch(
    to_all: bool, repo: Repo, forge: Hosted, server: Postgres
) -> None:
    """Send SIGTERM in the middle of an answer: to the main process (Kubernetes), or to all (systemd)."""
    address = server.fresh()
    options = ("--lease", "60", "--inbox", address)
    running = served.start(repo, (*QUICK, *options))
    is_quiet(running)
    with stopped_at(forge.host, "after", "POST .*pulls ") as stop:
        post(running)
        stop.wait()
        worker = worker_of(running)
        running.process.terminate()
        if to_all:
            os.kill(worker, signal.SIGTERM)
        time.sleep(1)
    assert running.process.wait(40) is not None
    assert not lives(worker)
    with psycopg.connect(address, client_encoding="utf8") as connection:
        rows = connection.execute("SELECT state, owner, leased_until FROM rollout_spec_breaches").fetchall()
    assert rows == [("watching", None, None)]
    with serving(repo, *options) as second:
        (row,) = second.get("/v1/breaches").json()["breaches"]
        check_answered(second, row["id"], repo, forge)
