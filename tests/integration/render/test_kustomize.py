"""The folders of manifests before the real kustomize: it builds them all, and a cluster accepts what it prints."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import folders
import pytest
import yaml
from real_servers import CrdServer

from rollout_spec.workspace import scaffold

pytestmark = pytest.mark.system

CASES = folders.CASES / "render"
KUSTOMIZATIONS = sorted(CASES.glob("*/expected/kustomization.yaml"))
SECRET = "apiVersion: v1\nkind: Secret\nmetadata: {name: fraud}\n"


class Loader(yaml.CSafeLoader):
    """Reads `=` as text. In YAML 1.1 it is a type of its own."""


Loader.add_constructor("tag:yaml.org,2002:value", lambda _, node: node.value)


def built(kustomize: Path, folder: Path) -> list[dict[str, Any]]:
    done = subprocess.run([kustomize, "build", folder], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return [each for each in yaml.load_all(done.stdout, Loader) if each is not None]


def by_kind(objects: list[dict[str, Any]]) -> dict[tuple[str, str], dict[str, Any]]:
    return {(each["kind"], each["metadata"]["name"]): each for each in objects}


def objects_in(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the objects of the cluster in the files of a folder."""
    for file in folder.glob("*.yaml"):
        documents = yaml.load_all(file.read_text("utf-8"), Loader)
        yield from (each for each in documents if "kind" in each and each["kind"] != "Kustomization")


@pytest.mark.parametrize("file", KUSTOMIZATIONS, ids=lambda file: file.parent.parent.name)
def test_kustomize_builds_what_is_rendered(kustomize: Path, file: Path) -> None:
    assert by_kind(built(kustomize, file.parent)) == by_kind([*objects_in(file.parent)])


def test_a_folder_without_objects_builds_too(kustomize: Path) -> None:
    assert built(kustomize, CASES / "envoy-full" / "expected") == []


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """What `init` writes."""
    for path, content in scaffold.files().items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(content)
    return tmp_path


def test_a_cluster_accepts_what_kustomize_prints(kustomize: Path, crd_server: CrdServer, workspace: Path) -> None:
    for folder in (workspace / "manifests").iterdir():
        objects = built(kustomize, folder)
        assert {each["kind"] for each in objects} == {"HTTPRoute", "InferenceService", "PrometheusRule"}
        assert [crd_server.dry_run(each) for each in objects] == [(201, "")] * len(objects)


def test_objects_of_somebody_else_are_built_too(kustomize: Path, workspace: Path) -> None:
    folder = workspace / "manifests/fraud"
    (folder / "secret.yaml").write_text(SECRET, encoding="utf-8")
    (folder / "more.json").write_text('{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "more"}}')
    (folder / "values.yaml").write_text("service:\n  apiVersion: v1\n  kind: none\n", encoding="utf-8")
    subprocess.run([sys.executable, "-m", "rollout_spec", "--repo", workspace, "render"], check=True, timeout=60)
    kinds = {each["kind"] for each in built(kustomize, folder)}
    assert kinds == {"HTTPRoute", "InferenceService", "PrometheusRule", "Secret", "ConfigMap"}


# The files for Argo CD and Flux. Their definitions are not among the oracles: no API server judges these.


def test_argo_cd_finds_each_folder(workspace: Path) -> None:
    (spec,) = (each["spec"] for each in yaml.safe_load_all((workspace / "deploy/argocd.yaml").read_bytes()))
    (generator,) = (each["git"] for each in spec["generators"])
    (pattern,) = (each["path"] for each in generator["directories"])
    assert all(fnmatch(f"manifests/{folder.name}", pattern) for folder in (workspace / "manifests").iterdir())
    source = spec["template"]["spec"]["source"]
    assert (source["repoURL"], source["targetRevision"]) == (generator["repoURL"], generator["revision"])


def test_flux_finds_each_folder(kustomize: Path, workspace: Path) -> None:
    repository, *applied = yaml.safe_load_all((workspace / "deploy/flux.yaml").read_bytes())
    assert {each["spec"]["sourceRef"]["name"] for each in applied} == {repository["metadata"]["name"]}
    paths = [each["spec"]["path"] for each in applied]
    assert paths == [f"./manifests/{folder.name}" for folder in (workspace / "manifests").iterdir()]
    assert all(built(kustomize, workspace / path) for path in paths)
