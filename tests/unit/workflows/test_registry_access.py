"""Which registry is asked, and who gets which secret."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from http_answers import AnswerServer, Prepared, answer_servers, hide_proxies

from rollout_spec.core.errors import UserError
from rollout_spec.spec.registry import Registry
from rollout_spec.workflows.registry import AccessOptions, open_registry

TOKEN = "correct-horse-battery"
MISSING = Prepared(b'{"error_code": "RESOURCE_DOES_NOT_EXIST"}', 404)


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., AnswerServer]]:
    hide_proxies(monkeypatch)
    with answer_servers() as start:
        yield lambda: start(MISSING)


def ask(settings: Mapping[str, Any] | None, **options: Any) -> None:
    """Ask the registry of a workspace with these settings something."""
    registry = Registry.model_validate(settings) if settings is not None else None
    with open_registry(registry, AccessOptions(**options)) as access:
        assert access.required().run("r1") is None


def environment(server: AnswerServer, **more: str) -> dict[str, str]:
    return {"MLFLOW_TRACKING_URI": server.address, "MLFLOW_TRACKING_TOKEN": TOKEN, **more}


def test_the_environment_names_a_registry_for_a_workspace_without_one(serve: Any) -> None:
    server = serve()
    ask(None, environment=environment(server))
    ask({"oci": {"ghcr.io": {"bearer": {"env": "PATH"}}}}, environment=environment(server))
    assert [asked.headers["authorization"] for asked in server.asked] == [f"Bearer {TOKEN}"] * 2


def test_a_user_of_the_environment_comes_before_its_token_as_in_mlflow(serve: Any) -> None:
    server = serve()
    variables = {"MLFLOW_TRACKING_USERNAME": "me", "MLFLOW_TRACKING_PASSWORD": "hunter2"}
    ask(None, environment=environment(server, **variables))
    assert server.asked[0].headers["authorization"] == "Basic bWU6aHVudGVyMg=="


def test_the_token_of_the_environment_never_goes_to_the_address_of_a_workspace(
    serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, stranger = serve(), serve()
    for name, value in environment(owner).items():
        monkeypatch.setenv(name, value)
    ask({"url": stranger.address}, environment=environment(owner))
    assert "authorization" not in stranger.asked[0].headers
    assert owner.asked == []


def test_the_service_does_not_look_into_the_environment(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    server = serve()
    for name, value in environment(server).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UserError, match="the workspace names no registry"):
        ask(None)
    assert server.asked == []


def test_a_secret_is_read_from_its_place(serve: Any, tmp_path: Path) -> None:
    server = serve()
    (tmp_path / "token").write_text(f"{TOKEN}\n", "utf-8")
    ask({"url": server.address, "auth": {"bearer": {"file": str(tmp_path / "token")}}})
    assert server.asked[0].headers["authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize("name", ["GITHUB_TOKEN", "ROLLOUT_SPEC_TOKEN", "ROLLOUT_SPEC_INBOX"])
def test_a_token_of_the_forge_is_not_for_a_registry(serve: Any, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    server = serve()
    monkeypatch.setenv(name, TOKEN)
    with pytest.raises(UserError, match="it is a credential of the service itself"):
        ask({"url": server.address, "auth": {"bearer": {"env": name}}})
    assert server.asked == []


@pytest.mark.parametrize("auth", [{"bearer": {"env": "MINE"}}, {"basic": {"user": "me", "password": {"env": "MINE"}}}])
def test_the_secret_of_a_monitor_is_not_for_a_registry(
    serve: Any, monkeypatch: pytest.MonkeyPatch, auth: dict[str, Any]
) -> None:
    server = serve()
    monkeypatch.setenv("MINE", TOKEN)
    with pytest.raises(UserError, match="is the secret of a monitor"):
        ask({"url": server.address, "auth": auth}, reserved={TOKEN})
    with pytest.raises(UserError, match="is the secret of a monitor"):
        ask({"oci": {"ghcr.io": auth}}, reserved={TOKEN})
    assert server.asked == []


@pytest.mark.parametrize("address", ["databricks", "sqlite:///mlflow.db", "./mlruns", "file:///tmp"])
def test_an_address_of_the_environment_that_is_no_server(address: str) -> None:
    with pytest.raises(UserError, match=r"\$MLFLOW_TRACKING_URI is"):
        ask(None, environment={"MLFLOW_TRACKING_URI": address})
