"""A commit is stopped before it is made: pre-commit runs our hooks, in real repositories."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from installed_command import command_here, release
from real_servers import CHECKOUT
from repo import EXAMPLE, git, named_example

from rollout_spec.workspace.scaffold import files

pytestmark = pytest.mark.system

HOOKS = yaml.safe_load((CHECKOUT / ".pre-commit-hooks.yaml").read_text("utf-8"))


@dataclass(frozen=True)
class Done:
    """How a command ended, and all that it said."""

    status: int
    text: str


@dataclass(frozen=True)
class Repository:
    """A git repository whose commits pre-commit watches."""

    folder: Path
    environment: dict[str, str]

    def run(self, *words: str) -> Done:
        ran = subprocess.run(
            words,
            cwd=self.folder,
            env=os.environ | self.environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        return Done(ran.returncode, ran.stdout)

    def commit(self) -> Done:
        """Commit all that changed, as a person does; 0 where the hooks let it pass."""
        git(self.folder, "add", "--all")
        before = git(self.folder, "rev-parse", "HEAD")
        done = self.run("git", "commit", "-m", "Change it")
        assert (git(self.folder, "rev-parse", "HEAD") != before) == (done.status == 0), done.text
        return done

    def edit(self, path: str, old: str, new: str) -> None:
        text = (self.folder / path).read_text("utf-8")
        assert old in text
        (self.folder / path).write_text(text.replace(old, new), "utf-8")


def watched(folder: Path, environment: dict[str, str], config: dict[str, Any] | None = None) -> Repository:
    """Commit what is in a folder, and let pre-commit watch it from then on."""
    if config:
        (folder / ".pre-commit-config.yaml").write_text(yaml.safe_dump(config), "utf-8")
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "--all")
    git(folder, "commit", "-q", "-m", "Set up")
    repository = Repository(folder, environment | {"PRE_COMMIT_HOME": str(folder.parent / "pre-commit")})
    installed = repository.run(sys.executable, "-m", "pre_commit", "install")
    assert installed.status == 0, installed.text
    return repository


def with_hooks(folder: Path, tmp_path: Path) -> Repository:
    """Watch a folder with the published hooks; only that the command that they call is this checkout's."""
    hooks = [hook | {"language": "system"} for hook in HOOKS]
    return watched(folder, command_here(tmp_path), {"repos": [{"repo": "local", "hooks": hooks}]})


@pytest.fixture
def example(tmp_path: Path) -> Repository:
    shutil.copytree(EXAMPLE, tmp_path / "models")
    return with_hooks(tmp_path / "models", tmp_path)


def test_a_good_spec_is_committed(example: Repository) -> None:
    example.edit("rollouts/fraud.yaml", "requestsPerSecond: 120", "requestsPerSecond: 150")
    done = example.commit()
    assert done.status == 0, done.text
    assert done.text.count("Passed") == 2


def test_a_bad_spec_is_not(example: Repository) -> None:
    example.edit("rollouts/fraud.yaml", "weight: 5%", "wieght: 5%")
    done = example.commit()
    assert done.status == 1
    finding = "rollouts/fraud.yaml:61:24: error: there is no field `wieght` here; did you mean `weight`? [schema]"
    assert done.text.count(finding) == 2  # by each hook


@pytest.mark.parametrize(
    ("path", "old", "new", "found"),
    [
        ("components/user-profile.yaml", 'serving: ["11", "12"]', 'serving: ["11"]', "rollouts/fraud.yaml:"),
        ("manifests/fraud/kserve.yaml", "name: fraud-v41", "name: fraud-v40", "manifests/fraud/kserve.yaml:1:1:"),
    ],
)
def test_what_an_edit_breaks_in_another_file_is_found(
    example: Repository, path: str, old: str, new: str, found: str
) -> None:
    example.edit(path, old, new)
    done = example.commit()
    assert done.status == 1
    assert f"\n{found}" in done.text.partition("rollout-spec check, every workspace")[2]


def test_what_a_deletion_breaks_is_found(example: Repository) -> None:
    (example.folder / "components/tokenizer.yaml").unlink()
    done = example.commit()
    assert done.status == 1
    assert "(no files to check)Skipped" in done.text  # pre-commit does not tell of files that go
    assert "[references-exist]" in done.text


def test_each_workspace_of_a_repository_is_checked(tmp_path: Path) -> None:
    for place in ("environments/prod", "environments/staging"):
        named_example(tmp_path / "platform" / place)
    (tmp_path / "platform" / "README.md").write_text("# Everything\n", "utf-8")
    repository = with_hooks(tmp_path / "platform", tmp_path)
    repository.edit("environments/prod/components/user-profile.yaml", '["11", "12"]', '["12"]')
    done = repository.commit()
    assert done.status == 1
    assert "\nenvironments/prod/rollouts/fraud.yaml:" in done.text
    assert "environments/staging" not in done.text
    repository.edit("environments/prod/components/user-profile.yaml", '["12"]', '["12", "11"]')
    assert repository.commit().status == 0


NETWORK_POLICY = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny}
"""


def add(repository: Repository, path: str, text: str) -> None:
    (repository.folder / path).parent.mkdir(parents=True, exist_ok=True)
    (repository.folder / path).write_text(text, "utf-8")


def test_files_of_others_in_folders_of_our_names_are_passed_over(tmp_path: Path) -> None:
    shutil.copytree(EXAMPLE, tmp_path / "platform/environments/prod")
    repository = with_hooks(tmp_path / "platform", tmp_path)
    for place in ("", "environments/prod/"):  # in no workspace, and in one but in none of its folders
        add(repository, f"{place}k8s/policies/deny.yaml", NETWORK_POLICY)
        add(repository, f"{place}charts/web/components/svc.yaml", "{{- if .Values.on }}\n")
    done = repository.commit()
    assert done.status == 0, done.text
    assert "Skipped" not in done.text  # pre-commit gave them to the hook
    add(repository, "k8s/policies/deny.yaml", NETWORK_POLICY + "spec: {}\n")
    repository.edit("environments/prod/rollouts/fraud.yaml", "weight: 5%", "wieght: 5%")
    done = repository.commit()
    assert done.status == 1
    assert done.text.count("\nenvironments/prod/rollouts/fraud.yaml:61:24: error: ") == 2
    assert "skipped k8s/policies/deny.yaml: not part of a workspace" in done.text
    assert "\nk8s/" not in done.text


def test_a_pause_that_cannot_be_read_is_stopped(tmp_path: Path) -> None:
    shutil.copytree(EXAMPLE, tmp_path / "platform/environments/prod")
    repository = with_hooks(tmp_path / "platform", tmp_path)
    for place in ("", "environments/prod/"):
        add(repository, f"{place}.rollout-spec-pause", "reason: the cluster is being moved\nexpire: 2999-12-31\n")
    done = repository.commit()
    assert done.status == 1
    for place in ("", "environments/prod/"):
        finding = f"\n{place}.rollout-spec-pause:2:1: error: there is no field `expire` here; did you mean `expires`?"
        assert done.text.count(finding) == 2  # by each hook


def test_processes_side_by_side_find_what_one_finds(tmp_path: Path) -> None:
    shutil.copytree(EXAMPLE, tmp_path / "models")
    text = (EXAMPLE / "rollouts/fraud.yaml").read_text("utf-8")
    for number in range(40):
        new = text.replace("name: fraud", f"name: fraud-{number}").replace("weight: 5%", f"weight: {5 + number % 2}")
        (tmp_path / f"models/rollouts/fraud-{number}.yaml").write_text(new, "utf-8")
    repository = with_hooks(tmp_path / "models", tmp_path)
    calls = tmp_path / "calls"
    calls.unlink(missing_ok=True)
    done = repository.run(sys.executable, "-m", "pre_commit", "run", "rollout-spec-check", "--all-files")
    assert done.status == 1
    assert len(calls.read_text().splitlines()) > 1 or len(os.sched_getaffinity(0)) == 1
    specs = [path for path in git(repository.folder, "ls-files").splitlines() if path.startswith("rollouts/")]
    alone = repository.run("rollout-spec", "check", *specs)
    found = {line for line in done.text.splitlines() if line.startswith("rollouts/")}
    assert found == {line for line in alone.text.splitlines() if line.startswith("rollouts/")}
    assert len(found) == 40


def test_what_init_writes_watches_commits(tmp_path: Path) -> None:
    for path, content in files().items():
        (tmp_path / "new" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "new" / path).write_bytes(content)
    repository = watched(tmp_path / "new", command_here(tmp_path))
    repository.edit("rollouts/fraud.yaml", "hold: 15m", "hold: 30m")
    assert repository.commit().status == 0
    repository.edit("components/user-profile.yaml", 'serving: ["11", "12"]', 'serving: ["12"]')
    done = repository.commit()
    assert done.status == 1
    assert "\nrollouts/fraud.yaml:" in done.text


def test_the_hooks_of_the_example_are_the_published_ones() -> None:
    (local,) = yaml.safe_load((EXAMPLE / ".pre-commit-config.yaml").read_text("utf-8"))["repos"]
    shared = ("id", "name", "entry", "files", "pass_filenames", "always_run")
    own, published = ([{key: hook.get(key) for key in shared} for hook in hooks] for hooks in (local["hooks"], HOOKS))
    assert own == published


@pytest.mark.real
def test_the_hooks_work_from_a_repository_of_their_own(tmp_path: Path) -> None:
    """As users have them: pre-commit clones this repository at a commit, and pip installs it from there."""
    source = release(tmp_path / "rollout-spec")
    git(source, "init", "-q", "-b", "main")
    git(source, "add", "--all")
    git(source, "commit", "-q", "-m", "Release")
    hooks = [{"id": hook["id"]} for hook in HOOKS]
    config = {"repos": [{"repo": str(source), "rev": git(source, "rev-parse", "HEAD"), "hooks": hooks}]}
    shutil.copytree(EXAMPLE, tmp_path / "models")
    repository = watched(tmp_path / "models", {}, config)

    repository.edit("rollouts/fraud.yaml", "hold: 15m", "hold: 30m")
    done = repository.commit()
    assert done.status == 0, done.text
    repository.edit("components/user-profile.yaml", 'serving: ["11", "12"]', 'serving: ["12"]')
    repository.edit("rollouts/fraud.yaml", "weight: 50%", "weight: 500%")
    done = repository.commit()
    assert done.status == 1
    assert "rollouts/fraud.yaml:62:" in done.text
