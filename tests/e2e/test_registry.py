"""A real MLflow server with models of real training runs: record, verify, sync and drill, with real git."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from registry_server import MlflowServer, mlflow_server
from repo import Repo, git
from served import service
from stack.programs import wait_until

pytestmark = [pytest.mark.system, pytest.mark.real]

WORKSPACE = """\
apiVersion: rollout-spec/v1
kind: Workspace
metadata: {{name: acme}}
spec:
  registry: {{url: {address}}}
  forge: {{type: local}}
"""
SERVICE = """\
  service:
    monitors: {alertmanager: {type: alertmanager, auth: {bearer: {env: ALERTMANAGER_TOKEN}}}}
"""
SCHEMA = """\
apiVersion: rollout-spec/v1
kind: Component
metadata: {name: measurements}
spec:
  type: schema
  serving: ["1", "2"]
  contract: contracts/{version}.json
"""
FIELDS = {"mean_radius": {"type": "number"}, "mean_texture": {"type": "number"}}
ROUTE = "{type: gateway-api, gateway: {name: edge}}"
FILE = "rollouts/fraud.yaml"
BAD = f"sha256:{'b' * 64}"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    with mlflow_server(tmp_path_factory.mktemp("mlflow"), [1.0, 0.01]) as running:
        yield running


class People:
    """A repository, and the people who work in it."""

    def __init__(self, place: Path, server: MlflowServer, model: str, artifacts: Path | None = None) -> None:
        self.repo, self.model, self._artifacts = Repo(place / "clone", place / "remote.git"), model, artifacts
        git(place, "init", "-q", "--bare", "-b", "main", str(self.repo.remote))
        git(place, "init", "-q", "-b", "main", str(self.repo.folder))
        self.repo.git("remote", "add", "origin", str(self.repo.remote))
        self.repo.write(".rollout-spec.yaml", WORKSPACE.format(address=server.address))
        self.repo.write("components/measurements.yaml", SCHEMA)
        for version, required in (("1", []), ("2", list(FIELDS))):
            contract = {"type": "object", "properties": FIELDS, "required": required}
            self.repo.write(f"contracts/{version}.json", json.dumps(contract))
        self.push("Begin")
        self.do("bootstrap", "fraud", "--version", "1", "--target", ROUTE, *self.source("1"))
        self.do("record", "fraud", "2", *self.source("2"))

    def source(self, version: str) -> list[str]:
        own = ["--artifact", f"{self._artifacts}/{version}"] if self._artifacts is not None else []
        return ["--from", f"models:/{self.model}/{version}", *own]

    def run(self, *words: str) -> tuple[int, str]:
        result = self.repo.run(*words)
        return result.status, result.text

    def do(self, *words: str) -> str:
        """Take a step, and merge it."""
        status, text = self.run(*words, "--commit")
        assert status == 0, text
        self.repo.git("push", "-q", "origin", "HEAD:main")
        return text

    def push(self, message: str) -> None:
        """Commit all changes, and merge them."""
        self.repo.git("add", "--all")
        self.repo.git("commit", "-q", "-m", message)
        self.repo.git("push", "-q", "origin", "HEAD:main")

    def promote(self) -> None:
        """Promote version 2 through all stages."""
        self.do("propose", "fraud", "2", "--advance")
        for stage in self.repo.model().spec.stages[1:]:
            self.do("advance", "fraud", "--to", stage.name, "--force", "--reason", "trial")
        self.do("promote", "fraud", "--force", "--reason", "trial")

    def synchronized(self) -> list[str]:
        """Return the changes of a synchronization. Another one changes nothing."""
        status, text = self.run("registry", "sync")
        assert status == 0, text
        assert self.run("registry", "sync") == (0, "nothing to change\n")
        return [] if text == "nothing to change\n" else text.splitlines()

    def findings(self) -> list[str]:
        """Return what verify finds, as LINE: NAME."""
        result = self.repo.run("registry", "verify", "--format", "json")
        found = json.loads(result.out)["findings"]
        assert result.status == int(any(each["severity"] == "error" for each in found)), result.text
        return [f"{each['line']}: {each['name']}" for each in found]

    def line(self, text: str, version: str) -> int:
        """Return the number of the first line with a text in the record of a version."""
        lines = (self.repo.folder / FILE).read_text("utf-8").splitlines()
        start = next(number for number, line in enumerate(lines) if line.strip() == f'"{version}":')
        return next(number for number, line in enumerate(lines[start:], start + 1) if text in line)


def test_the_registry_follows_a_promotion_and_a_rollback(tmp_path: Path, server: MlflowServer) -> None:
    people = People(tmp_path, server, "fraud")
    record = people.repo.model().spec.versions["2"]
    assert (record.run_id, record.format, record.requires) == (server.run_id("2"), "sklearn", {"measurements": "2"})
    assert record.digest and record.dataset_digest and record.metrics and set(record.metrics) == {"auc"}
    assert people.findings() == []

    assert people.synchronized() == ["fraud: changed champion of fraud: none -> 1"]
    people.do("propose", "fraud", "2", "--advance")
    assert people.synchronized() == ["fraud: changed challenger of fraud: none -> 2"]
    people.do("withdraw", "fraud")
    assert people.synchronized() == ["fraud: changed challenger of fraud: 2 -> none"]
    people.promote()
    assert people.findings() == []
    dry = people.run("registry", "sync", "--dry-run")
    assert (dry, server.aliases()) == ((0, "fraud: would change champion of fraud: 1 -> 2\n"), {"champion": "1"})
    assert people.synchronized() == ["fraud: changed champion of fraud: 1 -> 2"]

    status, text = people.run("rollback", "fraud", "--reason", "trial", "--version", "2")
    assert status == 0, text
    assert people.synchronized() == [], "the rollback is not merged yet"
    assert people.run("local", "merge", "1")[0] == 0
    assert people.synchronized() == [
        "fraud: changed rollout-spec.quarantined of models:/fraud/2: none -> true",
        "fraud: changed rollout-spec.incident of models:/fraud/2: none -> fraud-2",
        "fraud: changed champion of fraud: 2 -> 1",
    ]
    assert server.aliases() == {"champion": "1"}
    assert server.tags("2") == {"rollout-spec.quarantined": "true", "rollout-spec.incident": "fraud-2"}


def test_the_service_synchronizes_after_a_merge(tmp_path: Path, server: MlflowServer) -> None:
    server.copy_model("payments", tmp_path / "stored")
    people = People(tmp_path, server, "payments", tmp_path / "stored")
    people.repo.write(".rollout-spec.yaml", WORKSPACE.format(address=server.address) + SERVICE)
    people.push("Serve")
    with service(people.repo, "--poll", "0.5") as served:
        wait_until(lambda: server.aliases("payments") == {"champion": "1"}, served.lines[-3000:])
        people.do("propose", "fraud", "2", "--advance")
        changed = "the registry changed: challenger of payments: none -> 2"
        wait_until(lambda: changed in served.lines, "the service does not say that it changed the registry")
        assert server.aliases("payments") == {"champion": "1", "challenger": "2"}


def test_each_disagreement_is_found_at_its_line(tmp_path: Path, server: MlflowServer) -> None:
    server.copy_model("cards", tmp_path / "stored")
    people = People(tmp_path, server, "cards", tmp_path / "stored")
    people.promote()
    assert people.findings() == []
    auc = str((people.repo.model().spec.versions["1"].metrics or {})["auc"])
    text = (people.repo.folder / FILE).read_text("utf-8")
    for key, old, new in (
        ("runId", server.run_id("1"), server.run_id("2")),
        ("datasetDigest", people.repo.model().spec.versions["1"].dataset_digest or "", BAD),
        ("metrics", auc, "0.5"),
        ("model", "models:/cards/1", "models:/cards/99"),
    ):
        people.repo.write(FILE, text.replace(old, new, 1))
        assert f"{people.line(f'{key}:', '1')}: registry-" in "\n".join(people.findings()), key
    people.repo.write(FILE, text)
    server.call("POST", "model-versions/set-tag", name="cards", version="1", key="rollout-spec.digest", value=BAD)
    assert people.findings() == [f"{people.line('digest:', '1')}: registry-agrees"]
    server.call("DELETE", "model-versions/delete-tag", name="cards", version="1", key="rollout-spec.digest")
    (tmp_path / "stored/1/model.pkl").write_bytes(b"others")
    assert people.findings() == [f"{people.line('digest:', '1')}: artifact-intact"]
    shutil.rmtree(tmp_path / "stored/1")
    assert people.findings() == [f"{people.line('artifact:', '1')}: artifact-intact"]
    server.call("DELETE", "model-versions/delete", name="cards", version="1")
    assert f"{people.line('model:', '1')}: registry-has-entry" in people.findings()


def test_a_deleted_known_good_artifact_makes_the_drill_fail(tmp_path: Path, server: MlflowServer) -> None:
    server.copy_model("loans", tmp_path / "stored")
    people = People(tmp_path, server, "loans", tmp_path / "stored")
    people.promote()
    status, text = people.run("drill", "--registry")
    assert status == 0, text
    shutil.rmtree(tmp_path / "stored/1")
    assert people.run("drill")[0] == 0, "without --registry nobody looks"
    status, text = people.run("drill", "--registry")
    assert status == 1
    assert "the artifact of this known-good version is gone" in text
    assert people.run("check", "--registry")[0] == 1
    status, text = people.run("doctor")
    assert (
        f"rollouts/fraud.yaml:{people.line('artifact:', '1')}: the artifact of this known-good version is gone" in text
    )
