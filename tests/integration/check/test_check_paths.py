"""A file that somebody names is checked, or it is said why not; what a hook or a folder brings need not be ours."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from repo import EXAMPLE, Result, git, run

pytestmark = pytest.mark.system

DEPLOYMENT = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n"
OURS = "apiVersion: rollout-spec/v1\nkind: Component\nmetadata: {name: web}\n"
OTHERS = ("k8s/policies/a.yaml", "k8s/policies/b.yml", "charts/components/c.yaml")
PACK = "apiVersion: rollout-spec/v1\nkind: PolicyPack\nmetadata: {name: payments}\nspec: {policies: []}\n"
FRAUD = "environments/prod/rollouts/fraud.yaml"


@pytest.fixture
def platform(tmp_path: Path) -> Path:
    """Make a git repository with a workspace, and with files that are none of it but look like it."""
    shutil.copytree(EXAMPLE, tmp_path / "environments/prod")
    for path in (*OTHERS, "environments/prod/k8s/policies/d.yaml"):
        write(tmp_path / path, DEPLOYMENT)
    git(tmp_path, "init", "-q", "-b", "main")
    return tmp_path


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


def checked(folder: Path, *words: str) -> Result:
    return run("--repo", str(folder), "check", *words)


def test_a_file_that_is_named_and_in_no_workspace_is_a_mistake(platform: Path) -> None:
    for words in (OTHERS[:1], (FRAUD, OTHERS[0])):
        done = checked(platform, *words)
        assert (done.status, done.out) == (2, "")
        assert f"no .rollout-spec.yaml in {platform / 'k8s/policies'} or its parents" in done.err


def test_a_file_that_is_named_and_in_a_workspace_is_checked(platform: Path) -> None:
    done = checked(platform, "environments/prod/k8s/policies/d.yaml")
    assert (done.status, done.out.startswith("environments/prod/k8s/policies/d.yaml:1:13: error: ")) == (1, True)


def test_a_hook_passes_over_what_is_not_ours_and_says_so(platform: Path) -> None:
    done = checked(platform, "--skip-outside", OTHERS[0])
    assert (done.status, done.out) == (0, "")
    assert done.err == f"skipped {OTHERS[0]}: not part of a workspace\n"
    done = checked(platform, "--skip-outside", *OTHERS, "environments/prod/k8s/policies/d.yaml", FRAUD)
    assert (done.status, done.out) == (0, "")
    assert f"skipped {', '.join(OTHERS)} and 1 more: not part of a workspace\n" in done.err


@pytest.mark.parametrize(
    "path",
    [
        FRAUD,
        "environments/prod/rollouts/new.yaml",
        "environments/prod/rollouts/new.yml",
        "environments/prod/.rollout-spec.yaml",
        "environments/prod/.rollout-spec-pause",
        "environments/prod/shared/payments.yaml",  # the workspace names it as a pack
    ],
)
def test_a_hook_passes_over_nothing_that_is_ours(platform: Path, path: str) -> None:
    workspace = platform / "environments/prod/.rollout-spec.yaml"
    text = workspace.read_text("utf-8")
    assert "  policies: [baseline]" in text
    workspace.write_text(text.replace("policies: [baseline]", "policies: [baseline, shared/payments.yaml]"), "utf-8")
    write(platform / "environments/prod/shared/payments.yaml", PACK)
    write(platform / path, "kind: [")
    done = checked(platform, "--skip-outside", path)
    assert (done.status, done.out.startswith(f"{path}:1:")) == (1, True), done.text
    assert "not part of a workspace" not in done.err


def test_a_file_says_that_it_is_ours(platform: Path) -> None:
    inside, outside = "environments/prod/teams/components/web.yaml", "teams/components/web.yaml"
    for path in (inside, outside):
        write(platform / path, OURS)
    done = checked(platform, "--skip-outside", inside, outside)
    assert (done.status, done.out.startswith(f"{inside}:")) == (1, True)
    assert done.err.startswith(f"skipped {outside}: ")


def test_what_is_not_there_is_a_mistake_of_a_hook_too(platform: Path) -> None:
    assert checked(platform, "--skip-outside", "rollouts/none.yaml").status == 2


def test_a_folder_stands_for_what_is_ours_in_it(platform: Path) -> None:
    for folder in (".", "environments", "environments/prod"):
        done = checked(platform, folder)
        assert (done.status, done.out) == (0, ""), done.text
    write(platform / FRAUD, "kind: [")
    assert checked(platform, ".").out.startswith(f"{FRAUD}:")


def test_a_folder_with_nothing_of_ours_is_a_mistake(platform: Path) -> None:
    done = checked(platform, "k8s")
    assert (done.status, done.out) == (2, "")
    assert f"no .rollout-spec.yaml in {platform / 'k8s'} or its parents" in done.err
    assert checked(platform, "environments/prod/k8s").status == 0
