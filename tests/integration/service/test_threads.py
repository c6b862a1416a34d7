"""Calls that hang hold up only their own requests: certificates of SNS, and an inbox that does not answer."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import served
from repo import EXAMPLE

from rollout_spec.core.errors import UserError
from rollout_spec.integrations.monitors.authentication import sns_signature
from rollout_spec.service import writer as writers
from rollout_spec.service.app import Service, create_app
from rollout_spec.service.database import Database
from rollout_spec.service.health import State
from rollout_spec.service.inbox import Inbox
from rollout_spec.service.limits import RateLimit
from rollout_spec.service.metrics import Metrics
from rollout_spec.service.records import NewBreach
from rollout_spec.service.threads import Threads
from rollout_spec.service.workspaces import Served, ServedWorkspace
from rollout_spec.service.writer import Writer
from rollout_spec.spec.workspace import Workspace
from rollout_spec.workflows.locate import WorkspaceLocation

TOPIC = "arn:aws:sns:eu-west-1:123456789012:rollouts"
MONITORS = {
    "alertmanager": {"type": "alertmanager"},
    "amazon": {"type": "json", "preset": "cloudwatch", "topic": TOPIC},
}
MORE_THAN_ALL_THREADS = 45


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of a server that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/certificate.pem"


@pytest.fixture
def inbox(tmp_path: Path) -> Iterator[Inbox]:
    database = Database(f"sqlite:///{tmp_path}/inbox.sqlite3")
    database.prepare()
    yield Inbox(database)
    database.close()


def service_of(inbox: Inbox) -> Service:
    """Return a service on loopback with a monitor without ``auth``, and one of a topic."""
    settings = Workspace.model_validate(
        {
            "apiVersion": "rollout-spec/v1",
            "kind": "Workspace",
            "metadata": {"name": "acme-models", "owner": "team-ml-platform"},
            "spec": {"service": {"monitors": MONITORS}},
        }
    )
    here = WorkspaceLocation(EXAMPLE, EXAMPLE, EXAMPLE, "")
    state = State(Served({"acme-models": ServedWorkspace("acme-models", here, settings, "a" * 40)}))
    limit = RateLimit(1000, 1000)
    return Service(
        inbox, Writer(inbox, lambda: None), state, Metrics(state), limit, 2**20, open_to_all=True, confirm=print
    )


async def ask(app: Any, method: str, path: str, body: bytes = b"") -> int:
    """Send one request to an application in this process, and return the status."""
    statuses: list[int] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    place = {"path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "", "scheme": "http"}
    ends = {"client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80), "headers": []}
    await app({"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, **place, **ends},
              receive, send)  # fmt: skip
    return statuses[0]


def sns_message(certificate: str) -> bytes:
    fields = {"Message": "{}", "MessageId": "1", "Signature": "AAAA", "SignatureVersion": "2", "TopicArn": TOPIC}
    more = {"SigningCertURL": certificate, "Timestamp": served.now_text(), "Type": "Notification"}
    return json.dumps({**fields, **more}).encode()


async def beside_hanging_posts(app: Any, service: Service, certificate: str) -> tuple[int, int, float, list[Any]]:
    """Post an alert and ask for the state while many messages of SNS wait for their certificate."""
    task = asyncio.ensure_future(service.writer.run())
    message = sns_message(certificate)
    hanging = [
        asyncio.ensure_future(ask(app, "POST", "/v1/breaches/amazon", message)) for _ in range(MORE_THAN_ALL_THREADS)
    ]
    await asyncio.sleep(0.3)
    start = time.monotonic()
    posted = await ask(app, "POST", "/v1/breaches/alertmanager", served.payload(served.alert()))
    lives = await ask(app, "GET", "/metrics")
    seconds = time.monotonic() - start
    answers = await asyncio.gather(*hanging)
    task.cancel()
    return posted, lives, seconds, answers


def test_a_certificate_that_does_not_come_holds_no_other_post_up(
    silent: str, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sns_signature._SHARED, "allows", lambda *_: True)
    service = service_of(inbox)
    posted, lives, seconds, answers = asyncio.run(beside_hanging_posts(create_app(service), service, silent))
    assert (posted, lives) == (202, 200)
    assert seconds < 2
    assert set(answers) == {503}, "the topic sends them again"


async def in_two_threads(calls: int) -> list[Any]:
    threads = Threads("test", 2, 0.2, "it takes too long")
    results = await asyncio.gather(
        *(threads.run(time.sleep, 0.5) for _ in range(calls)), threads.run(len, "abc"), return_exceptions=True
    )
    return list(results)


def test_a_call_waits_for_a_free_thread_within_its_limit() -> None:
    *slow, last = asyncio.run(in_two_threads(3))
    assert {str(each) for each in (*slow, last)} == {"it takes too long"}
    assert asyncio.run(in_two_threads(1))[-1] == 3


async def stored_late(inbox: Inbox) -> Any:
    writer = Writer(inbox, lambda: None)
    task = asyncio.ensure_future(writer.run())
    first = asyncio.ensure_future(writer.store([NewBreach("workspace", "first", None, refusal="unknown")]))
    await asyncio.sleep(0.1)
    second = asyncio.ensure_future(writer.store([NewBreach("workspace", "second", None, refusal="unknown")]))
    results = await asyncio.gather(first, second, return_exceptions=True)
    await asyncio.sleep(0.6)  # the first transaction ends by now
    task.cancel()
    return results


def test_a_post_whose_breach_is_not_stored_in_time_is_rejected(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writers, "_MOST_SECONDS", 0.3)
    real, batches = inbox.add, []

    def add(breaches: list[NewBreach]) -> Any:
        batches.append([each.monitor for each in breaches])
        time.sleep(0.8)
        return real(breaches)

    with mock.patch.object(inbox, "add", add):
        results = asyncio.run(stored_late(inbox))
    assert all(isinstance(each, UserError) and "did not answer within" in each.message for each in results)
    assert batches == [["first"]], "nobody waits for the second one any more"
