"""A real Envoy accepts what the target `envoy` renders, splits as it says, and follows the file without a restart."""

from __future__ import annotations

import json
import re
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import folders
import pytest
import yaml
from envoys import HOST, Backend, Edge, backend_running, bootstrap, envoy_running

from rollout_spec.render.renderer import render
from rollout_spec.workspace.repository import Repository
from rollout_spec.workspace.tree import Overlay
from rollout_spec.workspace.working_tree import WorkingTree

pytestmark = pytest.mark.system

CASES = sorted((folders.CASES / "render").glob("*/expected/envoy.yaml"))
SPEC = """\
apiVersion: rollout-spec/v1
kind: ModelRollout
metadata: {{name: fraud, namespace: ml}}
spec:
  service: {{host: {host}}}
  versions:
    "41": {{artifact: s3://models/fraud/41/}}
    "42": {{artifact: s3://models/fraud/42/}}
  live: {{stable: "41"{live}}}
  stages:
    - {{name: shadow, mirror: 50%}}
    - {{name: canary, weight: 10%, match: {{header: x-model-arm, value: challenger}}}}
    - {{name: full, weight: 100%}}
  targets:
    - {{type: envoy}}
"""
STABLE, CANDIDATE = "fraud-v41", "fraud-v42"


def routes_of(stage: str | None) -> str:
    """Render the routes of a rollout in a stage, or of one without a candidate."""
    live = f', candidate: "42", stage: {stage}' if stage else ""
    tree = Overlay(WorkingTree(folders.CASES), {"rollouts/fraud.yaml": SPEC.format(host=HOST, live=live).encode()})
    repository = Repository(tree)
    file = repository.rollout("fraud")
    assert file and file.model, file
    (manifest,) = render(file.model, repository)
    return manifest.text


# What is rendered is valid.


def validated(envoy: Path, folder: Path, routes: Any, clusters: set[str]) -> tuple[int, str]:
    """Validate a route configuration inside of a bootstrap, where Envoy looks up its clusters."""
    inline = {"route_config": {key: value for key, value in routes.items() if key != "@type"}}
    file = folder / "bootstrap.json"
    file.write_text(json.dumps(bootstrap((1, 2), inline, dict.fromkeys(clusters, 9))), encoding="utf-8")
    done = subprocess.run([envoy, "--mode", "validate", "-c", file], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stderr


def clusters_of(routes: Any) -> set[str]:
    if isinstance(routes, dict):
        named = {routes["cluster"]} if "cluster" in routes else set()
        weighted = {each["name"] for each in routes.get("weighted_clusters", {}).get("clusters", ())}
        return named.union(weighted, *map(clusters_of, routes.values()))
    return set().union(*map(clusters_of, routes)) if isinstance(routes, list) else set()


@pytest.mark.parametrize("file", CASES, ids=lambda file: file.parent.parent.name)
def test_envoy_accepts_what_is_rendered(envoy: Path, tmp_path: Path, file: Path) -> None:
    (routes,) = yaml.safe_load(file.read_text("utf-8"))["resources"]
    status, told = validated(envoy, tmp_path, routes, clusters_of(routes))
    assert status == 0, told


def test_envoy_refuses_a_cluster_that_is_not_there(envoy: Path, tmp_path: Path) -> None:
    (routes,) = yaml.safe_load(CASES[0].read_text("utf-8"))["resources"]
    status, told = validated(envoy, tmp_path, routes, clusters_of(routes) - {"fraud-v41-predictor"})
    assert (status, "unknown weighted cluster 'fraud-v41-predictor'" in told) == (1, True), told


def test_the_bootstrap_of_the_documentation_is_valid(envoy: Path, tmp_path: Path) -> None:
    text = (folders.CHECKOUT / "docs/targets.md").read_text("utf-8")
    (example,) = re.findall(r"^```yaml\n(node:.*?)^```", text, re.MULTILINE | re.DOTALL)
    file = tmp_path / "bootstrap.yaml"
    file.write_text(example.replace("/etc/envoy/routes", str(tmp_path)), encoding="utf-8")
    by_rename(tmp_path, routes_of(None))
    done = subprocess.run([envoy, "--mode", "validate", "-c", file], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    source = yaml.safe_load(example)["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]
    assert source["typed_config"]["rds"] == Folder(Path("/etc/envoy/routes"), by_rename).source["rds"]


# What is rendered splits the traffic, and is followed.


class Folder:
    """The folder that Envoy watches. ``put`` replaces the file in one of the ways in which files are synced."""

    def __init__(self, path: Path, put: Callable[[Path, str], None]) -> None:
        self.path = path
        self._put = put

    def put(self, stage: str | None) -> str:
        """Replace the routes by those of a stage, and return their version."""
        text = routes_of(stage)
        self._put(self.path, text)
        return str(yaml.safe_load(text)["version_info"])

    @property
    def source(self) -> dict[str, Any]:
        """The source of routes, as docs/targets.md shows it."""
        file = {"path": str(self.path / "fraud.yaml"), "watched_directory": {"path": str(self.path)}}
        return {"rds": {"route_config_name": "fraud", "config_source": {"path_config_source": file}}}


def by_rename(folder: Path, text: str) -> None:
    """Replace the file as git and rsync do."""
    new = folder / ".fraud.yaml.new"
    new.write_text(text, encoding="utf-8")
    new.rename(folder / "fraud.yaml")


def by_link(folder: Path, text: str) -> None:
    """Replace the file as Kubernetes does in the volume of a ConfigMap: by a link to a new folder."""
    new = folder / f"..{time.monotonic_ns()}"
    new.mkdir()
    (new / "fraud.yaml").write_text(text, encoding="utf-8")
    (folder / "..new").symlink_to(new.name)
    (folder / "..new").rename(folder / "..data")
    if not (folder / "fraud.yaml").is_symlink():
        (folder / "fraud.yaml").symlink_to("..data/fraud.yaml")


@pytest.fixture(scope="module")
def backends() -> Iterator[dict[str, Backend]]:
    with ExitStack() as stack:
        yield {name: stack.enter_context(backend_running(name)) for name in (STABLE, CANDIDATE)}


@pytest.fixture(params=[by_rename, by_link], ids=lambda put: put.__name__)
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Folder:
    (tmp_path / "routes").mkdir()
    return Folder(tmp_path / "routes", request.param)


@pytest.fixture
def edge(envoy: Path, folder: Folder, backends: dict[str, Backend], tmp_path: Path) -> Iterator[Edge]:
    """Envoy in front of both backends, with all traffic to stable."""
    folder.put(None)
    ports = {name: backend.port for name, backend in backends.items()}
    with envoy_running(envoy, tmp_path, folder.source, ports) as running:
        yield running


def follows(edge: Edge, version: str) -> None:
    """Wait until Envoy has the routes of a version."""
    end = time.monotonic() + 10
    while edge.routes_version() != version:
        assert time.monotonic() < end, f"{edge.routes_version()}, not {version}"
        time.sleep(0.02)


def test_envoy_splits_mirrors_matches_and_goes_back(edge: Edge, folder: Folder, backends: dict[str, Backend]) -> None:
    assert edge.answers(50) == {STABLE: 50}

    follows(edge, folder.put("shadow"))
    before = backends[CANDIDATE].mirrored
    assert edge.answers(400) == {STABLE: 400}
    time.sleep(0.2)  # the copies are not waited for
    assert 140 <= backends[CANDIDATE].mirrored - before <= 260  # 200, and six standard deviations

    follows(edge, folder.put("canary"))
    split = edge.answers(1000)
    assert split.total() == 1000
    assert 50 <= split[CANDIDATE] <= 160  # 100, and five or six standard deviations
    assert edge.answers(50, {"x-model-arm": "challenger"}) == {CANDIDATE: 50}
    assert edge.answers(200, {"x-model-arm": "challengers"})[STABLE] > 120
    assert edge.answers(50, {"Host": f"{HOST}:8080", "x-model-arm": "challenger"}) == {CANDIDATE: 50}
    assert edge.get({"Host": "other.example.com"})[0] == 404

    follows(edge, folder.put("full"))
    assert edge.answers(50) == {CANDIDATE: 50}
    follows(edge, folder.put(None))
    assert edge.answers(50, {"x-model-arm": "challenger"}) == {STABLE: 50}


def test_no_request_is_dropped_while_traffic_moves(edge: Edge, folder: Folder) -> None:
    texts: Counter[str] = Counter()
    failures: list[str] = []
    done = threading.Event()

    def call() -> None:
        while not done.is_set():
            try:
                status, text = edge.get()
            except OSError as error:
                failures.append(str(error))
            else:
                texts[text if status == 200 else f"{status}"] += 1

    callers = [threading.Thread(target=call) for _ in range(3)]
    for caller in callers:
        caller.start()
    for stage in ("canary", None, "full", "canary", None):
        follows(edge, folder.put(stage))
        time.sleep(0.1)
    done.set()
    for caller in callers:
        caller.join()
    assert failures == []
    assert texts.keys() == {STABLE, CANDIDATE}
    assert texts.total() > 100


def test_a_broken_file_leaves_the_traffic_as_it_is(edge: Edge, folder: Folder) -> None:
    version = folder.put("full")
    follows(edge, version)
    by_rename(folder.path, "resources: [{")
    time.sleep(0.3)
    assert edge.answers(20) == {CANDIDATE: 20}
    assert edge.routes_version() == version
