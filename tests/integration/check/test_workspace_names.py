"""Two workspaces of one git repository with one name are found: on disk, in a commit, and by the doctor."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from doctor_runs import doctor
from real_servers import CHECKOUT
from repo import EXAMPLE, Repo, git, run

from rollout_spec.checks.runner import check
from rollout_spec.integrations.git.repository import Git
from rollout_spec.spec.kinds import WORKSPACE_FILE
from rollout_spec.workspace.commit_tree import CommitTree
from rollout_spec.workspace.repository import Repository

pytestmark = pytest.mark.system

PROD = "environments/prod"
FILE = f"{PROD}/{WORKSPACE_FILE}"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Repo:
    repo = Repo.create(tmp_path_factory.mktemp("made"), prefix=PROD)
    git(repo.remote, "config", "uploadpack.allowFilter", "true")
    return repo


def beside(repo: Repo, folder: str, old: str = "", new: str = "") -> Path:
    """Put another workspace into a folder of the git repository."""
    place = repo.folder / folder
    shutil.copytree(EXAMPLE, place, dirs_exist_ok=True)
    text = (place / WORKSPACE_FILE).read_text("utf-8")
    assert not old or old in text
    (place / WORKSPACE_FILE).write_text(text.replace(old, new) if old else text, "utf-8")
    return place


def named(repo: Repo, *words: str, folder: str = PROD) -> list[tuple[str, str]]:
    """Check, and return the file and message of each finding of the rule."""
    done = run("--repo", str(repo.folder / folder), "check", *words, "--format", "json")
    found = [each for each in json.loads(done.out)["findings"] if each["name"] == "workspace-names-differ"]
    assert all(each["path"] == ["metadata", "name"] and each["severity"] == "error" for each in found)
    assert done.status == 1 or not found
    return [(each["file"], each["message"]) for each in found]


@pytest.mark.parametrize("folder", ["environments/staging", f"{PROD}/regions/eu", "", "a b/ü"])
@pytest.mark.parametrize("tracked", [False, True], ids=["new", "tracked"])
def test_another_workspace_of_that_name_is_found(repo: Repo, folder: str, tracked: bool) -> None:
    beside(repo, folder)
    if tracked:
        repo.commit("Put it there")
    shown = folder or "the git root"
    assert named(repo) == [(FILE, f"the workspace in {shown} has the same name, `acme-models`")]
    other = (f"{folder}/{WORKSPACE_FILE}".lstrip("/"), f"the workspace in {PROD} has the same name, `acme-models`")
    assert named(repo, folder=folder) == [other]
    assert set(named(repo, "--all", folder=".")) == {
        (FILE, f"the workspace in {shown} has the same name, `acme-models`"),
        other,
    }


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("name: acme-models", "name: acme-models-2"),
        ("name: acme-models", "name: acme"),
        ("name: acme-models", "nme: acme-models"),
        ("spec:", "spec: ["),
        ("kind: Workspace", "kind: Component"),
    ],
)
def test_another_name_or_none_is_not(repo: Repo, old: str, new: str) -> None:
    beside(repo, "environments/staging", old, new)
    assert named(repo) == []


def test_what_git_ignores_or_does_not_have_is_no_workspace(repo: Repo) -> None:
    beside(repo, "venv/lib")
    (repo.folder / ".gitignore").write_text("/venv/\n", "utf-8")
    assert named(repo) == []
    beside(repo, "environments/staging")
    repo.commit("Put it there")
    shutil.rmtree(repo.folder / "environments/staging")  # the index still has it
    assert named(repo) == []
    (repo.folder / "environments/staging").symlink_to("prod")
    assert named(repo) == []


def test_another_git_repository_is_not_asked(repo: Repo) -> None:
    git(beside(repo, "nested"), "init", "-q")
    beside(repo, "../outside")
    assert named(repo) == []


def test_outside_git_there_is_nothing_to_compare(tmp_path: Path) -> None:
    for name in ("prod", "staging"):
        shutil.copytree(EXAMPLE, tmp_path / name)
    done = run("--repo", str(tmp_path / "prod"), "check")
    assert (done.status, done.out) == (0, "")


def test_a_commit_is_compared_with_itself_and_not_with_the_disk(repo: Repo) -> None:
    beside(repo, "environments/staging")
    commit = repo.commit("Put it there")
    shutil.rmtree(repo.folder / "environments/staging")
    beside(repo, "environments/new")
    tree = CommitTree(Git(repo.folder), commit, PROD)
    found = [each for each in check(Repository(tree), prefix=PROD).findings if each.name == "workspace-names-differ"]
    assert [(each.file, each.message) for each in found] == [
        (FILE, "the workspace in environments/staging has the same name, `acme-models`")
    ]
    assert tree.folders_with(WORKSPACE_FILE) == {"../staging": "environments/staging"}


def test_one_of_two_rolls_back_all_the_same(repo: Repo) -> None:
    beside(repo, "environments/staging")
    repo.commit("Put it there")
    assert repo.breach().status == 0
    assert len(repo.branches()) == 1


def test_no_comment_and_no_severity_silences_it(repo: Repo) -> None:
    beside(repo, "environments/staging")
    repo.edit(WORKSPACE_FILE, "spec:\n", "spec:\n  severity: {workspace-names-differ: info}\n")
    text = (repo.workspace / WORKSPACE_FILE).read_text("utf-8")
    repo.write(
        WORKSPACE_FILE, text.replace("metadata:", "# rollout-spec: ignore[workspace-names-differ] ok\nmetadata:")
    )
    assert len(named(repo)) == 1


def test_a_check_of_one_file_does_not_ask(repo: Repo) -> None:
    beside(repo, "environments/staging")
    assert named(repo, WORKSPACE_FILE) == []
    words = [sys.executable, "-X", "importtime", "-m", "rollout_spec", "check", WORKSPACE_FILE, "rollouts/fraud.yaml"]
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    done = subprocess.run(words, cwd=repo.workspace, env=environment, capture_output=True, text=True, check=True)
    assert "rollout_spec.checks.runner" in done.stderr and "rollout_spec.integrations.git.command" not in done.stderr


def test_git_is_asked_once_for_all_workspaces(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(4):
        place = beside(repo, f"environments/e{number}", "name: acme-models", f"name: e-{number}")
        assert run("--repo", str(place), "render").status == 0
    asked: list[str] = []
    real = Git.files
    monkeypatch.setattr(Git, "files", lambda self, *words: asked.append("") or real(self, *words))
    assert run("--repo", str(repo.folder), "check", "--all").status == 0
    assert len(asked) == 1


def test_the_doctor_says_so(repo: Repo) -> None:
    found = doctor(repo)
    assert (found.status, found.verdict("workspace-name")) == (0, "ok")
    beside(repo, "environments/staging")
    beside(repo, "environments/eu", "name: acme-models", "name: eu")
    assert doctor(repo).status == 0, "it goes by the base"
    repo.commit("Put it there")
    found = doctor(repo)
    assert found.status == 1
    found.says("workspace-name", "^failed: environments/staging has the name acme-models too; rename one of them")
