"""The objects of the target `prometheus-operator` before promtool and amtool, as the operator would hand them over."""

from __future__ import annotations

import subprocess
from pathlib import Path

import folders
import pytest
import yaml
from prometheus_objects import alertmanager_of, objects_of
from workspaces import files_in, laid_over

from rollout_spec.render.renderer import render
from rollout_spec.workspace.repository import Repository
from rollout_spec.workspace.tree import Overlay
from rollout_spec.workspace.working_tree import WorkingTree

pytestmark = pytest.mark.system

CASES = folders.CASES / "render"
FILES = sorted(CASES.glob("*/expected/prometheus-operator.yaml"))
ALERTS = sorted(CASES.glob("*/expected/alerts/churn.yaml"))
ALERT = {
    "alertname": "RolloutBreach",
    "workspace": "acme",
    "rollout": "churn",
    "version": "8",
    "trigger": "errors",
    "severity": "hard",
    "namespace": "ml",
}


def run(*command: str | Path, status: int = 0) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.parent.parent.name)
def test_prometheus_accepts_the_rules(promtool: Path, tmp_path: Path, file: Path) -> None:
    spec = objects_of(file.read_text("utf-8"))["PrometheusRule"]["spec"]
    rules = tmp_path / "rules.yaml"
    rules.write_text(yaml.safe_dump(spec), encoding="utf-8")
    assert "SUCCESS" in run(promtool, "check", "rules", rules)


@pytest.mark.parametrize("file", ALERTS, ids=lambda file: file.parent.parent.parent.name)
def test_the_alerts_are_those_of_the_target_prometheus(file: Path) -> None:
    files = {path: text for path, text in files_in(file.parents[2]).items() if not path.startswith("expected/")}
    tree = laid_over(WorkingTree(CASES / "_base"), files)
    text = (tree.read("rollouts/churn.yaml") or b"").replace(b"type: prometheus", b"type: prometheus-operator")
    repository = Repository(Overlay(tree, {"rollouts/churn.yaml": text}))
    rollout = repository.rollout("churn")
    assert rollout and rollout.model
    objects = objects_of(render(rollout.model, repository)[0].text)
    assert objects["PrometheusRule"]["spec"] == yaml.load(file.read_text("utf-8"), yaml.CSafeLoader)


@pytest.fixture(params=["prometheus-operator", "prometheus-operator-options"])
def configuration(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    text = (CASES / request.param / "expected" / "prometheus-operator.yaml").read_text("utf-8")
    config = alertmanager_of(objects_of(text)["AlertmanagerConfig"], tmp_path)
    file = tmp_path / "alertmanager.yml"
    file.write_text(yaml.safe_dump(config), encoding="utf-8")
    return file


def test_alertmanager_accepts_the_route(amtool: Path, configuration: Path) -> None:
    assert "SUCCESS" in run(amtool, "check-config", configuration)


def test_alertmanager_refuses_a_wrong_matcher(amtool: Path, configuration: Path) -> None:
    configuration.write_text(configuration.read_text("utf-8").replace("rollout=", "rollout=="), encoding="utf-8")
    assert "FAILED" in run(amtool, "check-config", configuration, status=1)


@pytest.mark.parametrize(
    ("other", "receives"),
    [
        ({}, True),
        ({"version": "9", "trigger": "drift", "severity": "soft"}, True),
        ({"rollout": "fraud"}, False),
        ({"workspace": "acme-eu"}, False),
        ({"namespace": "dev"}, False),
        ({"alertname": "NodeDown"}, False),
    ],
    ids=str,
)
def test_alerts_of_the_rollout_are_sent_and_no_others(
    amtool: Path, configuration: Path, other: dict[str, str], receives: bool
) -> None:
    labels = [f"{name}={value}" for name, value in {**ALERT, **other}.items()]
    told = run(amtool, "config", "routes", "test", f"--config.file={configuration}", *labels)
    assert told.splitlines()[0] == ("ml/churn/rollout-spec" if receives else "others")
