"""The MLflow registry over HTTP: its answers, its silence, and who gets the credentials."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from http_answers import AnswerServer, Prepared, answer_servers, hide_proxies

from rollout_spec.core import redaction
from rollout_spec.core.errors import OUTSIDE, UserError
from rollout_spec.core.registered import ModelAddress
from rollout_spec.integrations.registries import Artifacts, Credentials, MlflowRegistry
from rollout_spec.integrations.registries import mlflow as module
from rollout_spec.integrations.registries.mlflow_artifacts import MlflowArtifacts

FRAUD = ModelAddress("fraud", "43")
TOKEN = "correct-horse-battery"
VERSION = {"name": "fraud", "version": "43", "run_id": "r1", "status": "READY", "tags": [{"key": "a", "value": "b"}]}
RUN = {
    "info": {"run_id": "r1", "lifecycle_stage": "active", "artifact_uri": "s3://a/r1"},
    "data": {"metrics": [{"key": "auc", "value": 0.5}, {"key": "loss", "value": "NaN"}], "tags": [{"key": "t"}]},
    "inputs": {"dataset_inputs": [{"dataset": {"name": "cards", "digest": "1a2b"}}]},
}


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., AnswerServer]]:
    hide_proxies(monkeypatch)
    with answer_servers() as start:
        yield start


def answer(data: Any, status: int = 200, **fields: Any) -> Prepared:
    return Prepared(json.dumps(data).encode(), status, **fields)


MISSING = answer({"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no"}, 404)


def failure(server: AnswerServer, ask: Callable[[MlflowRegistry], object], **options: Any) -> UserError:
    with closing(MlflowRegistry(server.address, **options)) as registry, pytest.raises(UserError) as caught:
        ask(registry)
    assert caught.value.status == OUTSIDE
    return caught.value


def test_an_entry_with_the_place_of_its_bytes(serve: Any) -> None:
    server = serve(answer({"model_version": VERSION}), answer({"artifact_uri": "mlflow-artifacts:/0/m"}))
    with closing(MlflowRegistry(f"{server.address}/base/", Credentials(bearer=TOKEN))) as registry:
        entry = registry.entry(FRAUD)
    assert entry is not None
    assert (entry.run_id, entry.artifact, entry.tags, entry.status) == (
        "r1",
        "mlflow-artifacts:/0/m",
        {"a": "b"},
        "READY",
    )
    assert [asked.path for asked in server.asked] == [
        "/base/api/2.0/mlflow/model-versions/get?name=fraud&version=43",
        "/base/api/2.0/mlflow/model-versions/get-download-uri?name=fraud&version=43",
    ]
    assert {asked.headers["authorization"] for asked in server.asked} == {f"Bearer {TOKEN}"}


def test_a_run(serve: Any) -> None:
    with closing(MlflowRegistry(serve(answer({"run": RUN})).address)) as registry:
        run = registry.run("r1")
    assert run is not None
    assert (run.metrics["auc"], run.metrics["loss"] != run.metrics["loss"], run.tags) == (0.5, True, {"t": ""})
    assert (run.datasets[0].digest, run.is_deleted, run.artifacts) == ("1a2b", False, "s3://a/r1")


def test_only_the_registry_itself_says_that_something_is_gone(serve: Any) -> None:
    with closing(MlflowRegistry(serve(MISSING).address)) as registry:
        assert (registry.entry(FRAUD), registry.run("r1"), registry.aliases("fraud")) == (None, None, None)
    for other in (Prepared(b"not found", 404), answer({"error_code": "ENDPOINT_NOT_FOUND"}, 404), Prepared(b"{}", 500)):
        error = failure(serve(other), lambda registry: registry.entry(FRAUD))
        assert "it answered" in error.message


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"<html>",
        b"\xff",
        b"[" * 100_000,
        b'{"model_version": []}',
        b'{"model_version": {"name": "other", "version": "43"}}',
        json.dumps({"model_version": {**VERSION, "tags": [{"key": 1}]}}).encode(),
        b'{"model_version": {' + b'"a": 1,' * 1_000_001 + b'"b": 1}}',
    ],
)
def test_an_answer_in_another_format_is_an_error(serve: Any, body: bytes) -> None:
    error = failure(serve(Prepared(body)), lambda registry: registry.entry(FRAUD))
    assert "unusable answer" in error.message


def test_a_redirect_is_not_followed(serve: Any) -> None:
    other = serve(answer({"model_version": VERSION}))
    server = serve(Prepared(b"", 307, {"Location": f"{other.address}/x"}))
    error = failure(server, lambda registry: registry.entry(FRAUD), credentials=Credentials(bearer=TOKEN))
    assert "no redirect is followed" in error.message
    assert other.asked == []


def test_a_server_that_drips_is_given_up(serve: Any) -> None:
    server = serve(Prepared(b" " * 1000, pause=0.05, chunk=1))
    start = time.monotonic()
    error = failure(server, lambda registry: registry.entry(FRAUD), timeout=0.3)
    assert "no whole answer within 0.3 seconds" in error.message
    assert time.monotonic() - start < 3


def test_an_answer_that_is_too_large_is_not_kept(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_BYTES", 1 << 20)
    error = failure(serve(Prepared(b" " * (1 << 21))), lambda registry: registry.entry(FRAUD))
    assert "larger than 1 MiB" in error.message


def test_no_message_repeats_a_secret_or_moves_the_cursor(serve: Any) -> None:
    server = serve(answer({"message": f"bad token {TOKEN} \x1b[2J"}, 403))
    error = failure(server, lambda registry: registry.entry(FRAUD), credentials=Credentials(bearer=TOKEN))
    assert TOKEN not in error.message and "\x1b" not in error.message
    assert "registry.auth" in (error.hint or "")


def test_changes_are_sent_as_json(serve: Any) -> None:
    server = serve(Prepared(b"{}"))
    with closing(MlflowRegistry(server.address, Credentials(user="me", password="hunter2"))) as registry:
        registry.set_alias("fraud", "champion", "43")
        registry.remove_alias("fraud", "challenger")
        registry.set_tag(FRAUD, "rollout-spec.incident", "fraud-43")
    assert [(asked.method, asked.path, json.loads(asked.body)) for asked in server.asked] == [
        ("POST", "/api/2.0/mlflow/registered-models/alias", {"name": "fraud", "alias": "champion", "version": "43"}),
        ("DELETE", "/api/2.0/mlflow/registered-models/alias", {"name": "fraud", "alias": "challenger"}),
        (
            "POST",
            "/api/2.0/mlflow/model-versions/set-tag",
            {"name": "fraud", "version": "43", "key": "rollout-spec.incident", "value": "fraud-43"},
        ),
    ]
    assert server.asked[0].headers["authorization"] == "Basic bWU6aHVudGVyMg=="
    assert redaction.redact("hunter2") == redaction.MASK


def test_a_refused_change_is_an_error(serve: Any) -> None:
    error = failure(serve(MISSING), lambda registry: registry.set_alias("fraud", "champion", "43"))
    assert "it answered 404: no" in error.message


@pytest.mark.parametrize(
    "credentials",
    [
        Credentials(bearer="a\nb"),
        Credentials(bearer="a b"),
        Credentials(user="a:b", password="c"),
        Credentials(user="a", password="\n"),
    ],
)
def test_a_secret_that_no_header_holds_is_refused(credentials: Credentials) -> None:
    with pytest.raises(UserError, match="for the registry has"):
        MlflowRegistry("http://127.0.0.1:1", credentials)


# Artifacts that the server stores.


def listing(*names: str, folders: tuple[str, ...] = ()) -> Prepared:
    files = [{"path": name, "is_dir": False, "file_size": "3"} for name in names]
    return answer({"files": files + [{"path": name, "is_dir": True} for name in folders]})


def examine(server: AnswerServer, address: str = "mlflow-artifacts:/0/m", **options: Any) -> Any:
    with closing(MlflowRegistry(server.address, **options)) as registry:
        return Artifacts(mlflow=MlflowArtifacts(registry)).examine(address)


def test_the_files_of_a_model_are_read(serve: Any) -> None:
    server = serve(listing("MLmodel", folders=("data dir",)), listing("model.pkl"), Prepared(b"abc"), Prepared(b"def"))
    seen = examine(server, credentials=Credentials(bearer=TOKEN))
    assert (seen.way, seen.files, seen.size) == ("hashed", 2, 6)
    assert [asked.path for asked in server.asked] == [
        "/api/2.0/mlflow-artifacts/artifacts?path=0%2Fm",
        "/api/2.0/mlflow-artifacts/artifacts?path=0%2Fm%2Fdata+dir",
        "/api/2.0/mlflow-artifacts/artifacts/0/m/MLmodel",
        "/api/2.0/mlflow-artifacts/artifacts/0/m/data%20dir/model.pkl",
    ]


@pytest.mark.parametrize("size", ["²", "-1", "3 KB", "9" * 5000, 1.5, True])
def test_a_size_that_is_no_number_is_useless(serve: Any, size: object) -> None:
    server = serve(answer({"files": [{"path": "m", "is_dir": False, "file_size": size}]}))
    with pytest.raises(UserError, match="a file has no path or no size"):
        examine(server)


def test_one_file(serve: Any) -> None:
    server = serve(listing(), listing("m", "n"), Prepared(b"abc"))
    assert (examine(server).way, server.asked[-1].path) == ("hashed", "/api/2.0/mlflow-artifacts/artifacts/0/m")


def test_no_file(serve: Any) -> None:
    assert examine(serve(listing())).way == "missing"


@pytest.mark.parametrize(
    "prepared", [Prepared(b"ab"), Prepared(b"abcd"), Prepared(b"ab", length=3), Prepared(b"", 404), Prepared(b"", 307)]
)
def test_a_file_that_is_not_as_listed_is_no_result(serve: Any, prepared: Prepared) -> None:
    with pytest.raises(UserError) as caught:
        examine(serve(listing("MLmodel"), prepared))
    assert caught.value.status == OUTSIDE


@pytest.mark.parametrize("name", ["..", ".", "a/..", ""])
def test_a_listing_that_leads_elsewhere_is_refused(serve: Any, name: str) -> None:
    with pytest.raises(UserError, match="it lists an unusual path"):
        examine(serve(listing(name)))


def test_a_folder_without_an_end_is_given_up(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rollout_spec.integrations.registries.mlflow_artifacts._MOST_FOLDERS", 20)
    seen = examine(serve(listing(folders=("a",))))
    assert (seen.way, "more than 100000 files or 20 folders" in seen.reason) == ("refused", True)


@pytest.mark.parametrize(
    "address", ["mlflow-artifacts://other:5000/0/m", "mlflow-artifacts:/0/../1", "mlflow-artifacts:/0/m?path=x"]
)
def test_an_address_on_another_server_is_not_asked_for(serve: Any, address: str) -> None:
    server = serve(listing("MLmodel"))
    assert (examine(server, address).way, server.asked) == ("refused", [])
