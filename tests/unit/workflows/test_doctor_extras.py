"""The extras that doctor misses: those of the forge, and those of the service."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from rollout_spec.spec.workspace import WorkspaceSpec
from rollout_spec.workflows.doctor.extras import extras

SERVICE = {"monitors": {"alertmanager": {"type": "alertmanager"}}}


def told(**settings: Any) -> list[tuple[str, str, str | None]]:
    return [(each.verdict, each.message, each.hint) for each in extras(WorkspaceSpec.model_validate(settings))]


def test_installed_extras_are_not_spoken_of() -> None:
    assert told() == told(forge={"type": "github", "repository": "a/b"}, service=SERVICE) == []


def test_a_missing_extra_of_the_forge_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gitlab", None)
    message = "pull requests on gitlab need `gitlab`, which Python does not find here"
    assert told(forge={"type": "gitlab", "repository": "a/b"}) == [
        ("failed", message, "pip install 'rollout-spec[gitlab]'")
    ]
    assert told(forge={"type": "local"}) == []


def test_a_missing_extra_of_the_service_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fastapi", None)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    message = "the service needs `fastapi`, `uvicorn`, which Python does not find here"
    assert told(service=SERVICE) == [("warning", message, "pip install 'rollout-spec[serve]'")]
