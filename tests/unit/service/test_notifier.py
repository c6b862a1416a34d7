"""No workspace holds the messages of another one up, and none sends away what it may not have."""

from __future__ import annotations

import json
import smtplib
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from hook import Hook
from hook import hook as run_hook
from inbox_cases import lease, new

from rollout_spec.core import redaction
from rollout_spec.core.errors import UserError
from rollout_spec.service.database import Database
from rollout_spec.service.inbox import Inbox
from rollout_spec.service.notices import Notices
from rollout_spec.service.notifier import Notifier
from rollout_spec.service.workspaces import Served, ServedWorkspace
from rollout_spec.spec.workspace import Workspace
from rollout_spec.workflows.locate import WorkspaceLocation


@pytest.fixture
def hook() -> Iterator[Hook]:
    with run_hook() as running:
        yield running


@contextmanager
def dripping() -> Iterator[str]:
    """Run a program that answers with one byte of a header at a time, for ever."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            with suppress(OSError):
                connection, _ = server.accept()
                with connection:
                    connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
                    while True:
                        connection.sendall(b"x")
                        time.sleep(0.05)

        Thread(target=drip, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"


def workspace(name: str, service: Mapping[str, Any]) -> ServedWorkspace:
    data = {
        "apiVersion": "rollout-spec/v1",
        "kind": "Workspace",
        "metadata": {"name": name},
        "spec": {"service": service},
    }
    root = Path("/models.git")
    return ServedWorkspace(name, WorkspaceLocation(root, root / name, root, name), Workspace.model_validate(data), "c0")


def served(**services: Mapping[str, Any]) -> Served:
    return Served({name: workspace(name, service) for name, service in services.items()})


def notified(inbox: Inbox, workspace: str, *names: str, text: str = "no answer") -> None:
    """Store breaches that people must get a message about."""
    inbox.add([new(name, workspace=workspace) for name in names])
    for each in lease(inbox):
        inbox.finish("one", each.id, "waiting", {"error": text}, [], delay=3600.0, notify=True)


def test_a_recipient_that_never_ends_its_answer_holds_no_other_up(
    inbox: Inbox, database: Database, hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOD", hook.address)
    results: list[str] = []
    with dripping() as address:
        monkeypatch.setenv("BAD", address)
        slow, good = ({"notify": [{"type": "slack", "url": {"env": name}}]} for name in ("BAD", "GOOD"))
        notifier = Notifier(Notices(database), lambda: served(slow=slow, good=good), results.append, seconds=0.5)
        notified(inbox, "slow", "a", "b", "c")
        notified(inbox, "good", "d")
        begin = time.monotonic()
        while notifier.send_one():
            pass
        assert time.monotonic() - begin < 3, "the slow recipient is asked once"
    assert len(hook.posts) == 1
    assert sorted(set(results)) == ["failed", "sent"]


def test_a_flood_of_messages_in_one_workspace_does_not_hold_up_another(
    inbox: Inbox, database: Database, hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOD", hook.address)
    each = {"notify": [{"type": "webhook", "url": {"env": "GOOD"}}]}
    notified(inbox, "flood", *(f"breach-{number}" for number in range(15)))
    notified(inbox, "other", "o")
    notifier = Notifier(Notices(database), lambda: served(flood=each, other=each))
    for _ in range(3):
        notifier.send_one()
    assert "other" in [hook.data(number)["workspace"] for number in range(len(hook.posts))]


@pytest.mark.parametrize("kind", ["webhook", "email"])
def test_the_token_of_a_monitor_is_not_sent_to_a_recipient(
    kind: str, inbox: Inbox, database: Database, hook: Hook, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Who may merge to one workspace names a host of their own, and the place of another workspace's token."""

    connections: list[object] = []

    def no_server(*address: object, **__: object) -> None:
        connections.append(address)
        raise OSError

    monkeypatch.setattr(smtplib, "SMTP_SSL", no_server)
    monkeypatch.setenv("HOOK", hook.address)
    monkeypatch.setenv("TOKEN_OF_B", "the-token-of-b")
    (tmp_path / "token").write_text("the-token-of-b\n")
    monitors = {"alerts": {"type": "alertmanager", "auth": {"bearer": {"env": "TOKEN_OF_B"}}}}
    stolen = {"file": str(tmp_path / "token")}
    targets: dict[str, dict[str, Any]] = {
        "webhook": {"type": "webhook", "url": {"env": "HOOK"}, "bearer": stolen},
        "email": {
            "type": "email",
            "server": "mail.example.com:465",
            "sender": "a@example.com",
            "to": ["a@example.com"],
            "user": "a",
            "password": stolen,
        },
    }
    notified(inbox, "a", "x")
    everything = served(a={"notify": [targets[kind]]}, b={"monitors": monitors})
    assert Notifier(Notices(database), lambda: everything).send_one()
    assert (hook.posts, connections) == ([], [])


def test_a_message_has_no_known_secret(
    inbox: Inbox, database: Database, hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK", hook.address)
    redaction.learn("a-token-of-the-forge")
    notified(inbox, "a", "x", text=f"{UserError('git failed: https://x:a-token-of-the-forge@host').message}")
    notifier = Notifier(Notices(database), lambda: served(a={"notify": [{"type": "webhook", "url": {"env": "HOOK"}}]}))
    assert notifier.send_one()
    assert "https://x:***@host" in json.dumps(hook.data(0))
    assert "a-token-of-the-forge" not in json.dumps(hook.data(0))
