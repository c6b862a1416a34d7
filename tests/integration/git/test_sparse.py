"""What git left out of a checkout is not known, and whoever works in one hears it."""

from __future__ import annotations

from pathlib import Path
from unittest import mock

import pytest
from repo import EXAMPLE, Repo, Result, git, run

from rollout_spec.integrations.git.sparse import left_out

pytestmark = pytest.mark.system

FRAUD = "rollouts/fraud.yaml"
FORCED = ("--force", "--reason", "test")
INCIDENT = """\
apiVersion: rollout-spec/v1
kind: Incident
metadata: {name: fraud-39}
spec:
  rollout: fraud
  failedVersion: "39"
  restoredVersion: null
  source: alertmanager
  observedAt: 2026-11-20T10:15:00Z
  status: open
"""
PACK = """\
apiVersion: rollout-spec/v1
kind: PolicyPack
metadata: {name: own}
spec:
  policies: [{name: owned, expression: rollout.metadata.owner != null, message: nobody owns it, why: Somebody must.}]
"""
KEPT = ("rollouts", "components", "incidents", "policies", "templates", "contracts", "alerts", "manifests")


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Repo:
    repo = Repo.create(tmp_path_factory.mktemp("made"), prefix="prod")
    repo.record("39", like="40")
    repo.edit(FRAUD.removeprefix("prod/"), "{type: prometheus-operator}", "{type: prometheus}")
    repo.write("incidents/fraud-39.yaml", INCIDENT)
    repo.write("policies/own.yaml", PACK)
    repo.write("contracts/event/1.json", "{}\n")
    repo.write("templates/own/target.yaml", "description: d\nowns: alerts\ntemplates: [{file: a.j2}]\n")
    repo.write("templates/own/a.j2", "a: b\n")
    repo.render()
    repo.commit("Have one of each")
    return repo


def leave_out(repo: Repo, *folders: str) -> None:
    """Make the checkout sparse, in cone mode, without some folders of the workspace."""
    repo.git("status")  # else git takes files that were copied for edited ones, and leaves them
    repo.git("sparse-checkout", "set", "--cone", *(f"prod/{name}" for name in KEPT if name not in folders))
    assert not any((repo.workspace / name).exists() for name in folders)


@pytest.mark.parametrize("folder", KEPT[:-2])
@pytest.mark.parametrize("words", [("check",), ("check", FRAUD), ("check", "--all")], ids=" ".join)
def test_a_check_is_never_well_without_what_decides(repo: Repo, folder: str, words: tuple[str, ...]) -> None:
    if folder == "rollouts" and FRAUD in words:
        pytest.skip("there is no such file then")
    leave_out(repo, folder)
    done = repo.run(*words)
    assert done.status == 1, done.text
    assert f"prod/.rollout-spec.yaml:1:1: error: prod/{folder}/ is not in this checkout" in done.out
    assert f"git sparse-checkout add prod/{folder}" in done.out
    repo.git("sparse-checkout", "add", f"prod/{folder}")
    assert repo.run(*words).status == 0, repo.run(*words).text


def test_without_manifests_they_are_not_looked_at(repo: Repo) -> None:
    leave_out(repo, "manifests")
    done = repo.run("check")
    assert done.status == 0, done.text
    assert "manifests-current: manifests/ is not in this checkout" in done.err


@pytest.mark.parametrize("folder", ["incidents", "components", "manifests", "alerts"])
@pytest.mark.parametrize(
    "words", [("advance", "fraud", *FORCED), ("withdraw", "fraud"), ("render",), ("drill",)], ids=" ".join
)
def test_no_step_is_taken_without_them(repo: Repo, folder: str, words: tuple[str, ...]) -> None:
    leave_out(repo, folder)
    done = repo.run(*words)
    assert done.status == 1, done.text
    assert f"prod/{folder}/ is not in this checkout" in done.err
    assert f"git sparse-checkout add prod/{folder}" in done.err
    assert repo.git("status", "--porcelain") == ""


def test_a_pull_request_needs_no_checkout(repo: Repo) -> None:
    leave_out(repo, "incidents", "manifests")
    done = repo.run("advance", "fraud", *FORCED, "--pull-request")
    assert done.status == 0, done.text
    assert repo.breach().status == 0


def test_what_another_workspace_quarantines_is_asked_for_too(tmp_path: Path) -> None:
    import shutil

    prod = Repo.create(tmp_path, prefix="prod")
    us = Repo(prod.folder, prod.remote, "prod-us", prod.clock)
    shutil.copytree(EXAMPLE, us.workspace)
    us.edit(".rollout-spec.yaml", "name: acme-models", "name: prod-us")
    prod.edit(".rollout-spec.yaml", "spec:\n", "spec:\n  incidentsFrom: [../prod-us]\n")
    us.write("incidents/fraud-39.yaml", INCIDENT)
    prod.render()
    us.render()
    prod.commit("Serve it twice")
    prod.git("sparse-checkout", "set", "--no-cone", "/*", "!/prod-us/incidents/")
    done = prod.run("check", FRAUD)
    assert (done.status, "prod-us/incidents/ is not in this checkout" in done.out) == (1, True), done.text


def in_worktree(repo: Repo) -> Repo:
    repo.git("worktree", "add", "-q", "../linked", "-b", "linked")
    return Repo(repo.folder.parent / "linked", repo.remote, repo.prefix, repo.clock)


def test_a_linked_worktree_has_a_checkout_of_its_own(repo: Repo) -> None:
    linked = in_worktree(repo)
    leave_out(linked, "incidents")
    done = linked.run("check", FRAUD)
    assert (done.status, "prod/incidents/ is not in this checkout" in done.out) == (1, True), done.text
    assert repo.run("check", FRAUD).status == 0


def test_single_files_are_left_out_as_well(repo: Repo) -> None:
    repo.git("update-index", "--skip-worktree", "prod/incidents/fraud-39.yaml")
    assert repo.run("check", FRAUD).status == 0
    (repo.workspace / "incidents/fraud-39.yaml").unlink()
    done = repo.run("check", FRAUD)
    assert (done.status, "prod/incidents/ is not in this checkout" in done.out) == (1, True), done.text


@pytest.mark.parametrize("setting", ["index.version=4", "core.splitIndex=true", "index.sparse=true"])
def test_an_index_of_another_form_says_it_too(repo: Repo, setting: str) -> None:
    name, _, value = setting.partition("=")
    repo.git("config", name, value)
    leave_out(repo, "incidents")
    done = repo.run("check", FRAUD)
    assert (done.status, "prod/incidents/ is not in this checkout" in done.out) == (1, True), done.text


def test_what_is_deleted_and_not_left_out_is_another_matter(repo: Repo) -> None:
    (repo.workspace / "incidents/fraud-39.yaml").unlink()
    assert left_out(repo.folder, ["prod/incidents"]) == []


def test_git_is_not_started_to_find_that_nothing_is_left_out(repo: Repo) -> None:
    with mock.patch("rollout_spec.integrations.git.command.Plumbing", side_effect=AssertionError):
        assert left_out(repo.folder, ["prod/incidents"]) == []
        assert left_out(in_folder(repo), ["prod/incidents"]) == []
        done: Result = run("--repo", str(repo.workspace), "check", FRAUD)
    assert done.status == 0, done.text


def in_folder(repo: Repo) -> Path:
    """Return a repository that has no index yet."""
    folder = repo.folder.parent / "empty"
    git(repo.folder.parent, "init", "-q", str(folder))
    return folder
