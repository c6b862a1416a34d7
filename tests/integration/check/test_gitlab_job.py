"""The job for GitLab, run as a runner runs it: all lines in one shell, in a clone of a branch or of a merge."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml
from installed_command import INSTALLED, command_here, python_here
from pull_requests import (
    BASH,
    advances,
    cloned,
    ends_user_profile_12,
    merge,
    propose,
    rewrites_history,
    serves_churn,
    shell,
)
from real_servers import CHECKOUT
from repo import Repo, Result, git

from rollout_spec.domain.transitions import withdraw

pytestmark = pytest.mark.system

JOB = yaml.safe_load((CHECKOUT / "ci/gitlab.yml").read_text("utf-8"))["rollout-spec"]
MERGED = {
    "CI_PIPELINE_SOURCE": "merge_request_event",
    "CI_MERGE_REQUEST_EVENT_TYPE": "merged_result",
    "CI_PROJECT_ID": "7",
    "CI_MERGE_REQUEST_PROJECT_ID": "7",
    "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
}
DETACHED = {**MERGED, "CI_MERGE_REQUEST_EVENT_TYPE": "detached"}
FOUND = {"versions-append-only"}


def job(folder: Path, variables: Mapping[str, str], command: tuple[str, ...] = BASH) -> Result:
    """Run the job's script in a clone."""
    python_here(folder.parent)
    here = {**command_here(folder.parent), **JOB["variables"], **INSTALLED}
    here["CI_COMMIT_SHA"] = git(folder, "rev-parse", "HEAD")
    return shell("\n".join(JOB["script"]), folder, {**here, **variables}, command)


def reported(folder: Path) -> tuple[set[str], set[str]]:
    """Return the rules that the job's reports hold against the change: of code quality, and of the tests."""
    reports = JOB["artifacts"]["reports"]
    quality = json.loads((folder / reports["codequality"]).read_text("utf-8"))
    tests = ElementTree.fromstring((folder / reports["junit"]).read_text("utf-8"))
    failed = {case.attrib["name"] for case in tests.iter("testcase") if case.find("failure") is not None}
    return {each["check_name"] for each in quality}, failed


@pytest.mark.parametrize("command", [BASH, ("sh", "-ec")], ids=["bash", "sh"])
def test_a_merge_request_is_checked_merged(repo: Repo, command: tuple[str, ...]) -> None:
    folder = cloned(repo, merge(repo, propose(repo, rewrites_history)))
    done = job(folder, MERGED, command)
    assert done.status == 1
    assert "[versions-append-only]" in done.out
    assert reported(folder) == (FOUND, FOUND)


def test_a_good_merge_request_passes(repo: Repo) -> None:
    folder = cloned(repo, merge(repo, propose(repo, advances)))
    done = job(folder, MERGED)
    assert (done.status, done.out) == (0, "")
    assert "skipped" not in done.err
    assert reported(folder) == (set(), set())


def test_a_result_that_is_no_merge_commit_is_compared_with_the_target(repo: Repo) -> None:
    folder = cloned(repo, propose(repo, rewrites_history))
    done = job(folder, {**MERGED, "CI_MERGE_REQUEST_TARGET_BRANCH_SHA": repo.tip()})
    assert done.status == 1
    assert reported(folder)[0] == FOUND


def test_where_a_forge_does_not_merge_the_job_does(repo: Repo) -> None:
    head = propose(repo, serves_churn)
    ends_user_profile_12(repo)
    folder = cloned(repo, head)
    done = job(folder, DETACHED)
    assert done.status == 1
    assert "rollouts/churn.yaml" in done.out
    assert "pins-served" in reported(folder)[1]
    assert git(folder, "rev-parse", "HEAD^1") == repo.tip()


def test_a_fork_is_merged_into_the_project_that_it_comes_from(repo: Repo) -> None:
    folder = cloned(repo, propose(repo, rewrites_history))
    git(folder, "remote", "set-url", "origin", str(folder.parent / "fork.git"))  # is not there, and not asked
    project = repo.remote.as_uri().removesuffix(".git")
    done = job(folder, {**DETACHED, "CI_PROJECT_ID": "8", "CI_MERGE_REQUEST_PROJECT_URL": project})
    assert done.status == 1
    assert reported(folder)[0] == FOUND


def test_what_does_not_merge_does_not_pass(repo: Repo) -> None:
    head = propose(repo, advances)
    repo.take(withdraw, "Withdraw fraud 42")
    done = job(cloned(repo, head), DETACHED)
    assert done.status == 1
    assert "resolve the conflicts first" in done.out


def test_a_merge_request_without_a_change_passes(repo: Repo) -> None:
    old = repo.tip()
    advances(repo)
    repo.git("push", "-q", "origin", "HEAD")
    assert job(cloned(repo, old), DETACHED).status == 0


def test_the_main_branch_is_checked_as_it_is(repo: Repo) -> None:
    folder = cloned(repo, repo.tip())
    (folder / "components/tokenizer.yaml").unlink()
    done = job(folder, {"CI_PIPELINE_SOURCE": "push"})
    assert done.status == 1
    assert "that need a base: --base REF, such as origin/main" in done.err
