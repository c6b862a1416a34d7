"""Posts that several workspaces accept: each reads them by its own settings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import served as service

from rollout_spec.core.errors import UserError
from rollout_spec.integrations.monitors.authentication import Request
from rollout_spec.service.intake import Post, read_post, trusted_by
from rollout_spec.service.workspaces import Served, ServedWorkspace
from rollout_spec.spec.workspace import Workspace
from rollout_spec.workflows.locate import WorkspaceLocation

NOW = datetime(2026, 11, 20, 10, 16, tzinfo=UTC)
AUTH = {"bearer": {"env": "SHARED_TOKEN"}}
ALERTMANAGER = {"type": "alertmanager", "auth": AUTH}
DEAF = {"type": "json", "auth": AUTH, "mapping": {"rollout": "r", "alerts": "alerts", "firing": "`false`"}}
NO_LIST = {"type": "json", "auth": AUTH, "mapping": {"rollout": "r", "alerts": "nothing"}}


def workspace(name: str, monitor: Mapping[str, Any]) -> ServedWorkspace:
    data = {
        "apiVersion": "rollout-spec/v1",
        "kind": "Workspace",
        "metadata": {"name": name},
        "spec": {"service": {"monitors": {"alerts": monitor}}},
    }
    root = Path("/models.git")
    return ServedWorkspace(name, WorkspaceLocation(root, root / name, root, name), Workspace.model_validate(data), "c0")


def posted(body: bytes, **monitors: Mapping[str, Any]) -> Post:
    served = Served({name: workspace(name, monitor) for name, monitor in monitors.items()})
    request = Request(body, {"authorization": "Bearer a-shared-token"})
    trusting = trusted_by("alerts", request, served, NOW, open_to_all=False)
    return read_post("alerts", request, trusting, NOW, dry_run=False)


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHARED_TOKEN", "a-shared-token")


def alerts(*names: str | None) -> bytes:
    return service.payload(*(service.alert(workspace=name) for name in names))


@pytest.mark.parametrize("other", [DEAF, NO_LIST, ALERTMANAGER], ids=["deaf", "unreadable", "equal"])
def test_the_settings_of_another_workspace_hide_no_breach(other: Mapping[str, Any]) -> None:
    """Who may merge to ``first`` names the monitor and the secret of ``second`` with settings of their own."""
    post = posted(alerts("second"), first=other, second=ALERTMANAGER)
    assert [(each.workspace, each.refusal) for each in post.breaches if each.breach] == [("second", None)]


def test_a_breach_is_taken_from_the_reading_of_its_own_workspace() -> None:
    """A reading of another workspace cannot forge a breach of this one."""
    forging = {**DEAF, "mapping": {"rollout": "'churn'", "version": "'7'", "workspace": "'second'"}}
    post = posted(alerts("second"), first=forging, second=ALERTMANAGER)
    assert [(each.breach.rollout, each.workspace) for each in post.breaches if each.breach] == [("fraud", "second")]


def test_a_workspace_that_cannot_read_a_post_has_a_record_of_it() -> None:
    post = posted(alerts("second"), first=NO_LIST, second=ALERTMANAGER)
    assert [each.workspace for each in post.breaches if each.refusal] == ["first"]


def test_a_post_that_no_workspace_can_read_is_an_error() -> None:
    with pytest.raises(UserError, match="not a webhook payload"):
        posted(json.dumps({"version": "4"}).encode(), first=ALERTMANAGER, second=ALERTMANAGER)


def test_repeated_alerts_of_a_post_are_all_kept() -> None:
    assert len(posted(alerts("second", "second"), first=DEAF, second=ALERTMANAGER).breaches) == 2
