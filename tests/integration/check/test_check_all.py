"""One repository may hold many workspaces: ``check --all`` is about each of them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from repo import EXAMPLE, git, named_example, run

pytestmark = pytest.mark.system


@pytest.fixture
def platform(tmp_path: Path) -> Path:
    """A repository with two workspaces, and one more in a folder that git ignores."""
    for place in ("environments/prod", "environments/staging", "venv/lib/example"):
        named_example(tmp_path / place)
    broken = tmp_path / "venv/lib/example/rollouts/fraud.yaml"
    broken.write_text("kind: Nothing\n", "utf-8")
    (tmp_path / ".gitignore").write_text("/venv/\n", "utf-8")
    git(tmp_path, "init", "-q", "-b", "main")
    return tmp_path


def found(folder: Path, *words: str) -> set[str]:
    done = run("--repo", str(folder), "check", "--all", "--format", "json", *words)
    files = {each["file"] for each in json.loads(done.out)["findings"]}
    assert done.status == bool(files), done.text
    return files


def test_each_workspace_below_is_checked_and_none_that_git_ignores(platform: Path) -> None:
    assert found(platform) == set()
    for place in ("prod", "staging"):
        (platform / f"environments/{place}/components/tokenizer.yaml").unlink()
    files = {f"environments/{place}/rollouts/fraud.yaml" for place in ("prod", "staging")}
    assert found(platform) == files
    assert found(platform / "environments") == files
    assert found(platform / "environments/prod") == {"environments/prod/rollouts/fraud.yaml"}
    git(platform, "add", "--all")
    shutil.rmtree(platform / "environments/staging")  # the index still has it
    assert found(platform) == {"environments/prod/rollouts/fraud.yaml"}


def test_a_workspace_in_a_workspace_is_one_too(platform: Path) -> None:
    named_example(platform / "environments/prod/regions/eu")
    (platform / "environments/prod/regions/eu/components/tokenizer.yaml").unlink()
    assert found(platform) == {"environments/prod/regions/eu/rollouts/fraud.yaml"}


def test_each_workspace_is_compared_with_its_base(platform: Path) -> None:
    git(platform, "add", "--all")
    git(platform, "commit", "-q", "-m", "Set up")
    rollout = platform / "environments/staging/rollouts/fraud.yaml"
    rollout.write_text(rollout.read_text("utf-8").replace("auc: 0.9077", "auc: 0.99"), "utf-8")
    assert found(platform) == set()
    assert found(platform, "--base", "main") == {"environments/staging/rollouts/fraud.yaml"}


@pytest.mark.parametrize(
    ("place", "words", "told"),
    [
        ("venv", (), "no .rollout-spec.yaml in"),
        ("", ("environments",), "--all and PATH exclude each other"),
    ],
)
def test_what_cannot_be_checked_is_said(platform: Path, place: str, words: tuple[str, ...], told: str) -> None:
    done = run("--repo", str(platform / place), "check", "--all", *words)
    assert (done.status, done.out) == (2, "")
    assert told in done.err


def test_all_needs_git(tmp_path: Path) -> None:
    shutil.copytree(EXAMPLE, tmp_path / "models")
    done = run("--repo", str(tmp_path), "check", "--all")
    assert done.status == 2
    assert "--all needs git" in done.err
