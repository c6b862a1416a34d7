"""What doctor says of the service: whether it would start, and finds its secrets here."""

from __future__ import annotations

from typing import Any

import pytest

from rollout_spec.spec.service import ServiceSettings
from rollout_spec.workflows.doctor.service import service


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_SECRET", "s3cret")


def told(settings: dict[str, Any] | None) -> list[str]:
    results = service(ServiceSettings.model_validate(settings) if settings is not None else None)
    return [f"{each.verdict}: {each.message}" for each in results]


ABSENT = {"type": "alertmanager", "auth": {"bearer": [{"env": "A_SECRET"}, {"env": "ABSENT"}]}}
BEARER = {"type": "alertmanager", "auth": {"bearer": {"env": "A_SECRET"}}}


def test_without_a_service_nothing_is_said() -> None:
    assert told(None) == []


def test_a_service_that_would_start_is_fine() -> None:
    notify = [{"type": "slack", "url": {"env": "A_SECRET"}}]
    assert told({"monitors": {"am": BEARER}}) == ["ok: it accepts am"]
    assert told({"monitors": {"am": BEARER}, "notify": notify}) == ["ok: it accepts am, and notifies 0-slack"]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, "failed: the workspace names no monitor: the service would not start"),
        (
            {"monitors": {"am": {"type": "alertmanager"}}},
            "warning: the monitor am has no `auth`: the service starts only on 127.0.0.1",
        ),
        (
            {
                "monitors": {
                    "am": {"type": "alertmanager", "auth": {"bearer": [{"env": "A_SECRET"}, {"env": "ABSENT"}]}}
                }
            },
            "warning: the monitor am: the environment variable ABSENT is not set",
        ),
        (
            {"monitors": {"am": BEARER}, "notify": [{"type": "slack", "url": {"file": "/absent"}}]},
            "warning: the recipient 0-slack: cannot read the secret in /absent: No such file or directory",
        ),
        (
            {
                "monitors": {"am": BEARER},
                "notify": [{"type": "email", "server": "mail", "sender": "a@b.c", "to": ["d@e.f"]}],
            },
            "failed: the recipient 0-email has no port",
        ),
    ],
)
def test_a_problem_is_named(settings: dict[str, Any], expected: str) -> None:
    assert told(settings) == [expected]


def test_a_wrong_expression_fails() -> None:
    settings = {"monitors": {"own": {"type": "json", "mapping": {"rollout": "a["}, "auth": BEARER["auth"]}}}
    assert [each.partition(":")[0] for each in told(settings)] == ["failed"]
