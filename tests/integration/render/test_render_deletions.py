"""Only files that this tool rendered are removed, by a render, a step and a rollback; notes of other people stay."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
import yaml
from repo import Repo, run

from rollout_spec.render.drift import orphaned_manifests
from rollout_spec.render.outputs import is_rendered
from rollout_spec.workspace.repository import Repository
from rollout_spec.workspace.working_tree import WorkingTree

pytestmark = pytest.mark.system

FRAUD = "rollouts/fraud.yaml"
HEAD = "# Rendered by rollout-spec from rollouts/{}.yaml: edit that file, then run `rollout-spec render {}`.\n"
OURS = {
    "manifests/fraud/nomad.yaml": HEAD.format("fraud", "fraud") + "a: 1\n",
    "manifests/fraud/flagger.yaml": HEAD.format("fraud", "fraud").replace("\n", "\r\n") + "a: 1\r\n",
    "alerts/fraud.paging.yaml": HEAD.format("fraud", "fraud") + "groups: []\n",
    "manifests/fraud/old.conf": "# Rendered by rollout-spec from rollouts/fraud.yaml, do not edit\n",
}
LEFT = {
    "manifests/gone/kserve.yaml": HEAD.format("gone", "gone") + "kind: InferenceService\n",
    "alerts/gone.yaml": HEAD.format("gone", "gone") + "groups: []\n",
}
OTHERS = {
    "manifests/fraud/NOTES.md": "Ask Jo before you touch this.\n",
    "manifests/fraud/secret.yaml": "kind: Secret\n" + HEAD.format("fraud", "fraud"),
    "manifests/fraud/empty.yaml": "",
    "manifests/fraud/binary": "\x00\x01" * 99,
    "manifests/fraud/more/kserve.yaml": HEAD.format("fraud", "fraud") + "kind: InferenceService\n",
    "manifests/gone/NOTES.md": "Nobody knows.\n",
    "manifests/gone/more/kserve.yaml": HEAD.format("gone", "gone"),
    "alerts/nodes.yaml": "groups: []\n",
    "alerts/fraud.nodes.yaml": "groups: []\n",
    "alerts/gone/kserve.yaml": HEAD.format("gone", "gone"),
    "manifests/README.md": "What is rendered.\n",
    "manifests/kserve.yaml": HEAD.format("fraud", "fraud"),
}


def put(repo: Repo, files: dict[str, str]) -> None:
    for path, text in files.items():
        repo.write(path, text)


def there(repo: Repo, files: dict[str, str]) -> set[str]:
    """Return the files that are as they were put."""
    places = {path: repo.workspace / path for path in files}
    return {path for path, place in places.items() if place.is_file() and place.read_bytes() == files[path].encode()}


def found(repo: Repo, *words: str) -> dict[str, str]:
    """Check, and return the severity of each finding of `manifests-current`, by its file."""
    findings = json.loads(repo.run("check", "--format", "json", *words).out)["findings"]
    return {each["file"]: each["severity"] for each in findings if each["name"] == "manifests-current"}


# What is ours.


@pytest.mark.parametrize("tracked", [False, True], ids=["new", "tracked"])
def test_a_render_removes_what_it_rendered_and_nothing_else(repo: Repo, tracked: bool) -> None:
    put(repo, {**OURS, **LEFT, **OTHERS})
    if tracked:
        repo.commit("Put it there")
    done = repo.run("render")
    assert done.status == 0, done.text
    assert sorted(done.err.splitlines()) == sorted(f"removed {path}" for path in (*OURS, *LEFT))
    assert (there(repo, OTHERS), there(repo, {**OURS, **LEFT})) == ({*OTHERS}, set())
    assert repo.run("render").err == "the manifests are up to date\n"
    assert repo.run("render", "--check").status == 0


def test_a_render_of_one_rollout_removes_what_was_its_own(repo: Repo) -> None:
    put(repo, {**OURS, **LEFT, **OTHERS})
    assert repo.run("render", "fraud").status == 0
    assert there(repo, {**OURS, **LEFT, **OTHERS}) == {*LEFT, *OTHERS}


def test_a_render_removes_the_manifests_of_a_rollout_that_is_gone(repo: Repo) -> None:
    text = (repo.workspace / FRAUD).read_text("utf-8")
    repo.write("rollouts/churn.yaml", text.replace("fraud", "churn"))
    assert repo.run("render").status == 0
    assert (repo.workspace / "manifests/churn/kserve.yaml").is_file()
    (repo.workspace / "rollouts/churn.yaml").unlink()
    assert repo.run("render").status == 0
    assert not (repo.workspace / "manifests/churn").exists()


def test_a_render_keeps_what_is_rendered_where_a_rollout_does_not_load(repo: Repo) -> None:
    put(repo, LEFT)
    repo.write("rollouts/gone.yaml", "kind: [")
    assert repo.run("render").status == 1
    assert there(repo, LEFT) == {*LEFT}


def test_a_check_says_which_files_are_not_ours(repo: Repo) -> None:
    put(repo, {**OURS, **LEFT, **OTHERS})
    foreign = {path for path in OTHERS if re.fullmatch("manifests/[^/]+/[^/]+", path)} | {
        "manifests/fraud/more",
        "manifests/gone/more",
    }
    wanted = dict.fromkeys((*OURS, *LEFT), "error") | dict.fromkeys(foreign, "warning")
    assert found(repo) == wanted
    assert "rollout-spec did not render it" in repo.run("check").out
    assert repo.run("render").status == 0
    assert found(repo) == dict.fromkeys(foreign, "warning")
    assert repo.run("check").status == 0


def test_a_warning_about_a_file_that_is_meant_can_be_silenced(repo: Repo) -> None:
    repo.write("manifests/fraud/kustomization.yaml", "# rollout-spec: ignore[manifests-current] Flux\nresources: []\n")
    assert found(repo) == {}


def test_a_folder_in_place_of_a_manifest_is_no_file(repo: Repo) -> None:
    place = repo.workspace / "manifests/fraud/kserve.yaml"
    place.unlink()
    place.mkdir()
    (place / "x").write_text("mine\n")
    for words in (("check",), ("render", "--check"), ("render",), ("drill",)):
        done = repo.run(*words)
        assert "Traceback" not in done.text and done.status in (0, 1, 2)
    assert (place / "x").read_text() == "mine\n"


# Steps and rollbacks.


@pytest.mark.parametrize("option", [(), ("--commit",), ("--pull-request",)], ids=["disk", "commit", "pull request"])
def test_a_step_removes_what_was_rendered_and_nothing_else(repo: Repo, option: tuple[str, ...]) -> None:
    put(repo, {**OURS, **OTHERS})
    repo.commit("Put it there")
    repo.write("manifests/fraud/untracked.md", "mine\n")
    done = repo.run("withdraw", "fraud", *option)
    assert done.status == 0, done.text
    assert (repo.workspace / "manifests/fraud/untracked.md").read_text() == "mine\n"
    if option == ("--pull-request",):
        (branch,) = repo.branches()
        changed = deleted(repo, branch)
        assert changed == {*OURS}
        assert there(repo, {**OURS, **OTHERS}) == {*OURS, *OTHERS}
    else:
        assert there(repo, {**OURS, **OTHERS}) == {*OTHERS}


def deleted(repo: Repo, branch: str) -> set[str]:
    repo.git("fetch", "-q", "origin")
    return {
        *repo.git(
            "diff", "--no-renames", "--diff-filter=D", "--name-only", "main", f"origin/{repo.whole(branch)}"
        ).split()
    }


def test_a_rollback_removes_what_was_rendered_and_nothing_else(repo: Repo) -> None:
    put(repo, {**OURS, **LEFT, **OTHERS})
    repo.commit("Put it there")
    done = repo.breach()
    assert done.status == 0, done.text
    (branch,) = repo.branches()
    assert deleted(repo, branch) == {*OURS}
    repo.merge(branch)
    assert there(repo, OTHERS) == {*OTHERS}


def test_a_folder_stops_no_rollback(repo: Repo) -> None:
    shutil.copytree(repo.workspace / "manifests/fraud", repo.workspace / "manifests/fraud/more")
    repo.commit("Keep a copy")
    done = repo.breach()
    assert done.status == 0, done.text
    assert deleted(repo, repo.branches()[0]) == set()
    assert run("--repo", str(repo.workspace), "drill", "fraud").status == 0


# Folders of an earlier release, which rendered alerts into the folder of manifests and no kustomization.

SECRET = {"manifests/fraud/secret.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: fraud}\n"}
PATCHES = {"manifests/fraud/kustomization.yml": "resources: [kserve.yaml, gateway-api.yaml]\nnamePrefix: eu-\n"}


def earlier(repo: Repo, files: dict[str, str]) -> None:
    folder = repo.workspace / "manifests/fraud"
    shutil.move(repo.workspace / "alerts/fraud.yaml", folder / "prometheus.yaml")
    (folder / "kustomization.yaml").unlink()
    put(repo, files)
    repo.commit("Render with an earlier release")


@pytest.mark.parametrize("how", ["render", "rollback"])
def test_an_upgrade_moves_the_alerts_and_lists_what_was_applied(repo: Repo, how: str) -> None:
    earlier(repo, SECRET)
    if how == "render":
        assert repo.run("render").status == 0
    else:
        done = repo.breach()
        assert (done.status, "draft" in done.text) == (0, False)
        repo.merge(repo.branches()[0])
    assert not (repo.workspace / "manifests/fraud/prometheus.yaml").exists()
    assert (repo.workspace / "alerts/fraud.yaml").is_file()
    listing = yaml.safe_load((repo.workspace / "manifests/fraud/kustomization.yaml").read_text("utf-8"))
    assert listing["resources"] == ["gateway-api.yaml", "kserve.yaml", "secret.yaml"]
    assert repo.run("render", "--check").status == 0


@pytest.mark.parametrize("how", ["render", "rollback"])
def test_a_kustomization_of_somebody_else_stays(repo: Repo, how: str) -> None:
    earlier(repo, PATCHES)
    done = repo.run("render") if how == "render" else repo.breach()
    assert done.status == 0
    if how == "rollback":
        repo.merge(repo.branches()[0])
    assert there(repo, PATCHES) == {*PATCHES}
    assert not (repo.workspace / "manifests/fraud/kustomization.yaml").exists()
    assert found(repo) == dict.fromkeys(PATCHES, "warning")


# The header.


@pytest.mark.parametrize(
    ("content", "ours"),
    [
        (b"# Rendered by rollout-spec from rollouts/fraud.yaml: edit that file\n", True),
        (b"# Rendered by rollout-spec from rollouts/fraud.yaml\r\na: 1\r\n", True),
        (b"# Rendered by rollout-spec from rollouts/a-b.c.yaml", True),
        (b"", False),
        (b"\n# Rendered by rollout-spec from rollouts/fraud.yaml: edit\n", False),
        (b"a: 1\n# Rendered by rollout-spec from rollouts/fraud.yaml: edit\n", False),
        (b"# Rendered by rollout-spec from rollouts/../x.yaml: edit\n", False),
        (b"# Rendered by rollout-spec from rollouts/\nfraud.yaml: edit\n", False),
        (b"# Rendered by rollout-spec\n", False),
        (b"# Rendered by rollout-spec from rollouts/fraud.yamlx\n", False),
        (b"#Rendered by rollout-spec from rollouts/fraud.yaml\n", False),
    ],
)
def test_the_first_line_says_whose_a_file_is(content: bytes, ours: bool) -> None:
    assert is_rendered(content) is ours


def test_nothing_is_left_over_while_the_rollouts_are_behind_a_link(repo: Repo, tmp_path: Path) -> None:
    put(repo, LEFT)
    assert [each.path for each in orphaned_manifests(Repository(WorkingTree(repo.workspace)))] == [*LEFT]
    shutil.move(repo.workspace / "rollouts", tmp_path / "rollouts")
    (repo.workspace / "rollouts").symlink_to(tmp_path / "rollouts")
    assert list(orphaned_manifests(Repository(WorkingTree(repo.workspace)))) == []
