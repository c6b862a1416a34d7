"""Faults of the machines around the service: a forge and a remote that block, fail, or are slow at a request."""

from __future__ import annotations

import os
import re
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import served
from fakes.forge import ForgeHost
from fakes.host import Answer, Host
from hosted_repositories import Hosted
from repo import Repo
from served import Served

from rollout_spec.core.breach import Breach
from rollout_spec.service.records import NewBreach

QUICK = ("--lease", "2", "--poll", "600")
"""Leases that end soon, and only the worker asks the forge and the remote."""
_SECONDS = 60.0


@dataclass
class Stop:
    """A request at which a host blocks once: ``before`` it has an effect, or ``after`` it."""

    phase: str
    pattern: str
    reached: threading.Event = field(default_factory=threading.Event)
    going_on: threading.Event = field(default_factory=threading.Event)

    def wait(self) -> None:
        """Wait until a request is blocked."""
        assert self.reached.wait(_SECONDS), f"no request {self.pattern}"

    def drop(self) -> None:
        """Let the blocked request end without an effect or an answer."""
        self.going_on.set()

    def gate(self, phase: str, label: str, content: bytes) -> Answer | None:
        if self.reached.is_set() or phase != self.phase or not matches(self.pattern, label, content):
            return None
        self.reached.set()
        self.going_on.wait(_SECONDS)
        raise ConnectionAbortedError


def matches(pattern: str, label: str, content: bytes) -> bool:
    return re.search(pattern, f"{label} {content[:2000].decode('utf-8', 'replace')}") is not None


@contextmanager
def stopped_at(host: Host, phase: str, pattern: str) -> Iterator[Stop]:
    """Block the first request that matches a pattern, until ``drop`` or the end."""
    stop = Stop(phase, pattern)
    with gated(host, stop.gate):
        yield stop
        stop.drop()


@contextmanager
def gated(host: Host, gate: Callable[[str, str, bytes], Answer | None]) -> Iterator[None]:
    host.gate = gate  # type: ignore[method-assign,assignment]
    try:
        yield
    finally:
        del host.gate


@contextmanager
def failing(host: Host, pattern: str, answer: Callable[[], Answer | None]) -> Iterator[list[float]]:
    """Answer each request that matches otherwise, and yield their times."""
    times: list[float] = []

    def gate(phase: str, label: str, content: bytes) -> Answer | None:
        if phase != "before" or not matches(pattern, label, content):
            return None
        times.append(time.monotonic())
        return answer()

    with gated(host, gate):
        yield times


@contextmanager
def serving(repo: Repo, *options: str, environment: Mapping[str, str] | None = None) -> Iterator[Served]:
    """Run the service, and wait until only its worker uses the forge and the remote."""
    with served.service(repo, *QUICK, *options, environment=environment) as running:
        is_quiet(running)
        yield running


def is_quiet(running: Served) -> None:
    """Wait until the first fetch of settings is done."""
    served.until(lambda: running.get("/readyz").json()["problems"], lambda problems: "git" not in problems, _SECONDS)


def worker_of(running: Served) -> int:
    """Return the process of the worker: the first child that leads a session."""
    found: list[int] = served.until(lambda: leaders(running), bool)
    return found[0]


def leaders(running: Served) -> list[int]:
    """Return the child processes that lead a session: the worker, and the reconciler if there is one.

    A git that they started may lead one too, and is left out.
    """

    def is_leader(pid: int) -> bool:
        try:
            return os.getsid(pid) == pid and b"multiprocessing" in Path(f"/proc/{pid}/cmdline").read_bytes()
        except (ProcessLookupError, FileNotFoundError):
            return False

    return [pid for pid in served.children(running.process.pid) if is_leader(pid)]


def acting(version: str = "42", **labels: Any) -> dict[str, Any]:
    """Return an alert on which the automation acts alone."""
    return served.alert(version, trigger="latency-sla", **labels)


def check_one_rollback(repo: Repo, forge: Hosted, *, seconds: float = 60) -> None:
    """Check that there is one pull request for 42, armed, from the only branch."""
    pulls = forge.host.pulls
    served.until(
        lambda: [(each.state, bool(each.armed)) for each in pulls], lambda seen: seen == [("open", True)], seconds
    )
    assert len(repo.whole_names()) == 1, repo.whole_names()
    assert repo.live_at(repo.whole_names()[0])["stable"] == "41"


def post(running: Served, **labels: Any) -> str:
    """Post an alert on which the automation acts, and return the id of its breach."""
    reply = running.post(acting(**labels))
    assert reply.status_code == 202, reply.text
    id: str = reply.json()["breaches"][0]["id"]
    return id


def check_answered(running: Served, id: str, repo: Repo, forge: Hosted) -> None:
    """Check that a breach is answered once, and followed until its pull request is merged."""
    check_one_rollback(repo, forge)
    running.settled(id, "watching")
    assert isinstance(forge.host, ForgeHost)
    forge.host.checks_pass()
    done = running.settled(id, "done")
    assert done["outcome"]["pullRequest"]["state"] == "merged"
    assert len(forge.host.pulls) == 1


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the write lock of an inbox, as another process that uses the file."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        yield


def new_breach() -> NewBreach:
    """Return a breach on which the automation acts, for an inbox without HTTP before it."""
    now = datetime.now(UTC).replace(microsecond=0)
    id = f"alertmanager-cafe-{int(now.timestamp())}"
    breach = Breach(id, "alertmanager", "fraud", "42", now, trigger="latency-sla", workspace="acme-models")
    return NewBreach("acme-models", "alertmanager", breach)
