"""``check --registry --base`` asks the registry of the base: a change cannot choose who gets the token."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import clones
import pytest
from http_answers import AnswerServer, Prepared, hide_proxies
from registries import Registered
from repo import git, run

pytestmark = pytest.mark.system

TOKEN = "correct-horse-battery"
MISSING = Prepared(b'{"error_code": "RESOURCE_DOES_NOT_EXIST"}', 404)
WORKSPACE = """\
apiVersion: rollout-spec/v1
kind: Workspace
metadata: {{name: acme}}
spec:
  registry: {{url: "{url}", auth: {{bearer: {{env: REGISTRY_TOKEN}}}}}}
"""


@pytest.fixture
def servers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[tuple[AnswerServer, AnswerServer]]:
    """The registry of the base, and that of a stranger."""
    monkeypatch.setenv("REGISTRY_TOKEN", TOKEN)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    hide_proxies(monkeypatch)
    with AnswerServer(MISSING) as own, AnswerServer(MISSING) as stranger:
        yield own, stranger


@pytest.fixture
def folder(tmp_path: Path, servers: tuple[AnswerServer, AnswerServer]) -> Path:
    """A clone with a workspace, in which a change names the registry of a stranger."""
    own, stranger = servers
    folder = clones.make(tmp_path)
    fraud = Registered(folder)
    fraud.write(".rollout-spec.yaml", WORKSPACE.format(url=own.address))
    clones.commit(folder, "Add a workspace")
    git(folder, "switch", "-qc", "change")
    fraud.write(".rollout-spec.yaml", WORKSPACE.format(url=stranger.address))
    clones.commit(folder, "Ask somebody else")
    return folder


def test_the_registry_of_the_base_gets_the_token(folder: Path, servers: tuple[AnswerServer, AnswerServer]) -> None:
    own, stranger = servers
    result = run("--repo", str(folder), "check", "--registry", "--base", "main", "--format", "json")
    assert result.status == 1
    found = [each["message"] for each in json.loads(result.out)["findings"] if each["name"] == "registry-has-entry"]
    assert "the registry has no entry models:/fraud/40" in found
    assert {asked.headers["authorization"] for asked in own.asked} == {f"Bearer {TOKEN}"}
    assert stranger.asked == []


def test_without_registry_nobody_is_asked(folder: Path, servers: tuple[AnswerServer, AnswerServer]) -> None:
    run("--repo", str(folder), "check", "--base", "main")
    assert [server.asked for server in servers] == [[], []]


def test_the_findings_of_one_file(folder: Path, servers: tuple[AnswerServer, AnswerServer]) -> None:
    words = ("--repo", str(folder), "check", "--registry", "--base", "main", "--format", "json")
    result = run(*words, str(folder / "rollouts/fraud.yaml"))
    names = {each["name"] for each in json.loads(result.out)["findings"]}
    assert "registry-has-entry" in names
    assert not {"registry-has-entry"} & {
        each["name"] for each in json.loads(run(*words, str(folder / ".rollout-spec.yaml")).out)["findings"]
    }


def test_a_registry_that_does_not_answer_is_status_3(folder: Path, servers: tuple[AnswerServer, AnswerServer]) -> None:
    servers[0].prepared = [Prepared(b"", 503)]
    result = run("--repo", str(folder), "check", "--registry", "--base", "main")
    assert (result.status, "not everything is known: cannot use the registry at" in result.err) == (3, True)


@pytest.mark.parametrize("name", ["text", "json", "sarif", "github"])
def test_verify_reports_in_each_format(folder: Path, name: str) -> None:
    result = run("--repo", str(folder), "registry", "verify", "--format", name)
    assert result.status == 1 and "registry-has-entry" in result.out


def test_sync_reads_the_base_and_not_the_working_tree(folder: Path, servers: tuple[AnswerServer, AnswerServer]) -> None:
    own, stranger = servers
    result = run("--repo", str(folder), "registry", "sync", "--dry-run", "--format", "json")
    assert result.status == 1
    assert json.loads(result.out)["notSynchronized"] == [
        {"rollout": "fraud", "reason": "the registry has no model fraud"}
    ]
    assert (len(own.asked), stranger.asked) == (1, [])


@pytest.mark.parametrize(
    "words", [("verify", "--dry-run"), ("sync", "fraud"), ("sync", "--hash-all"), ("sync", "--format", "sarif")]
)
def test_options_of_the_other_action_are_refused(folder: Path, words: tuple[str, ...]) -> None:
    assert run("--repo", str(folder), "registry", *words).status == 2


def test_a_record_is_written_from_the_registry(folder: Path, servers: tuple[AnswerServer, AnswerServer]) -> None:
    stranger = servers[1]  # the registry that the checkout names
    stored = folder / "artifacts/43.bin"
    entry = {"name": "fraud", "version": "43", "run_id": "r1", "status": "READY"}
    run_of = {"info": {"run_id": "r1"}, "data": {"metrics": [{"key": "auc", "value": 0.9271}]}}
    answers = ({"model_version": entry}, {"artifact_uri": str(stored)}, {"run": run_of})
    stranger.prepared = [Prepared(json.dumps(each).encode()) for each in answers]
    words = ("--from", "models:/fraud/43", "--metric", "recall=0.8", "--artifact", "artifacts/43.bin", "--dry-run")
    result = run("--repo", str(folder), "record", "fraud", "44", *words)
    digest = hashlib.sha256(stored.read_bytes()).hexdigest()
    assert result.status == 0, result.text
    assert [line.lstrip("+ ") for line in result.out.splitlines() if line.startswith("+ ")] == [
        '"44":',
        "model: models:/fraud/43",
        "artifact: artifacts/43.bin",
        f"digest: sha256:{digest}",
        "runId: r1",
        "metrics: {auc: 0.9271, recall: 0.8}",
    ]
    assert "the registry has no SHA-256 of the training data" in result.err
