"""What runs the service elsewhere: Kubernetes reads its objects, and systemd its unit."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import yaml
from folders import CHECKOUT
from real_servers import program, require
from repo import Repo, git

pytestmark = pytest.mark.system

FOLDER = CHECKOUT / "deploy" / "kubernetes"
UNIT = CHECKOUT / "deploy" / "rollout-spec.service"
OBJECTS = [file for file in sorted(FOLDER.glob("*.yaml")) if file.name != "kustomization.yaml"]


def test_the_kustomization_names_each_file_once() -> None:
    named = yaml.safe_load((FOLDER / "kustomization.yaml").read_text("utf-8"))["resources"]
    assert sorted(named) == [file.name for file in OBJECTS]


@pytest.mark.real
@pytest.mark.parametrize("file", OBJECTS, ids=lambda file: file.stem)
def test_kubernetes_reads_an_object(file: Path, tmp_path: Path) -> None:
    command: list[Path | str] = [program("kubernetes-validate"), "--strict", "--quiet"]
    ran = subprocess.run([*command, file], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    broken = tmp_path / file.name
    broken.write_text(file.read_text("utf-8").replace("kind:", "colour: red\nkind:", 1), "utf-8")
    assert subprocess.run([*command, broken], capture_output=True, check=False).returncode != 0


def test_the_container_may_write_nothing_but_its_volumes_and_has_no_right() -> None:
    pod = yaml.safe_load((FOLDER / "deployment.yaml").read_text("utf-8"))["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True and pod["automountServiceAccountToken"] is False
    for container in (*pod["initContainers"], *pod["containers"]):
        rights = container["securityContext"]
        assert rights["readOnlyRootFilesystem"] is True and rights["allowPrivilegeEscalation"] is False
        assert rights["capabilities"] == {"drop": ["ALL"]}


def test_the_mirror_is_cloned_once_however_often_the_pod_starts(made: Repo, tmp_path: Path) -> None:
    """A node that restarts runs the container again, and one that is killed leaves a part of a clone."""
    pod = yaml.safe_load((FOLDER / "deployment.yaml").read_text("utf-8"))["spec"]["template"]["spec"]
    (clone,) = pod["initContainers"]
    command = [*clone["command"], *(each.replace("/work", str(tmp_path)) for each in clone["args"])]
    (tmp_path / "new.git" / "objects").mkdir(parents=True)
    for _ in range(2):
        environment = {**os.environ, "REPOSITORY": f"file://{made.remote}", "GITHUB_TOKEN": "x"}
        ran = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        assert ran.returncode == 0, ran.stderr
        assert git(tmp_path / "mirror.git", "rev-parse", "main") == made.tip()
    assert not (tmp_path / "new.git").exists()


@pytest.mark.real
def test_systemd_finds_little_exposed() -> None:
    require(Path("/usr/bin/systemd-analyze").exists(), "systemd-analyze is not installed")
    command = ["systemd-analyze", "security", "--offline=true", "--threshold=25", str(UNIT)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout[-2000:] + ran.stderr
