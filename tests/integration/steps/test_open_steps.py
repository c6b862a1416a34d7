"""Pull requests of steps: commits that are not pushed yet, and the open pull request of the same step."""

from __future__ import annotations

import pytest
from repo import Repo

pytestmark = pytest.mark.system

BRANCH = "withdraw/acme-models/fraud/42"


def test_commits_that_are_not_pushed_are_named(repo: Repo) -> None:
    repo.write("notes.md", "one\n")
    repo.commit("Write a note", push=False)
    done = repo.run("withdraw", "fraud", "--pull-request")
    assert done.status == 0, done.text
    assert "1 commit here is not on origin/main; this starts from origin/main, without them" in done.err
    repo.write("notes.md", "two\n")
    repo.commit("Write another", push=False)
    assert "2 commits here are not on origin/main" in repo.run("withdraw", "fraud", "--pull-request").err


def test_a_clone_that_is_pushed_is_not_spoken_of(repo: Repo) -> None:
    repo.write("notes.md", "mine\n")
    err = repo.run("withdraw", "fraud", "--pull-request").err
    assert ("not on origin" in err, "uncommitted" in err) == (False, False)


def test_changes_that_are_not_committed_are_named(repo: Repo) -> None:
    path = "components/tokenizer.yaml"
    repo.write(path, repo.at("HEAD", path) + "# mine\n")
    done = repo.run("withdraw", "fraud", "--pull-request")
    assert done.status == 0, done.text
    told = "components/tokenizer.yaml has uncommitted changes; this starts from origin/main, without them\n"
    assert told in done.err
    repo.git("add", path)
    assert told in repo.run("withdraw", "fraud", "--pull-request").err


@pytest.mark.parametrize(
    "step", [("propose", "fraud", "44"), ("rollback", "fraud", "--reason", "x", "--version", "44")]
)
def test_a_version_that_is_not_pushed_is_named(repo: Repo, step: tuple[str, ...]) -> None:
    repo.run("withdraw", "fraud", "--commit")
    repo.git("push", "-q", "origin", "main")
    repo.record("44")
    repo.commit("Record 44", push=False)
    more = () if step[0] == "rollback" else ("--pull-request",)
    done = repo.run(*step, *more)
    assert done.status == 2
    assert "fraud 44 is recorded here, but not on origin/main\n  help: push first: " in done.err
    repo.git("push", "-q", "origin", "main")
    assert "push first" not in repo.run(*step, *more).err


def test_a_rollout_that_is_not_pushed_is_named(repo: Repo) -> None:
    text = repo.at("HEAD", "rollouts/fraud.yaml").replace("name: fraud", "name: churn")
    repo.write("rollouts/churn.yaml", text)
    done = repo.run("withdraw", "churn", "--pull-request")
    assert (done.status, "churn is recorded here, but not on origin/main" in done.err) == (2, True), done.text


def test_the_open_pull_request_of_the_same_step_is_found(repo: Repo) -> None:
    first = repo.run("withdraw", "fraud", "--pull-request")
    again = repo.run("withdraw", "fraud", "--pull-request")
    assert (first.status, again.status) == (0, 0)
    assert first.out.splitlines()[1].replace("opened", "adopted") == again.out.splitlines()[1]
    assert len(repo.pull_requests()) == 1


def test_a_pull_request_with_something_else_is_not_taken_for_the_step(repo: Repo) -> None:
    assert repo.run("withdraw", "fraud", "--pull-request").status == 0
    repo.git("fetch", "-q", "origin")
    repo.git("checkout", "-q", BRANCH)
    repo.write("mine.md", "mine\n")
    mine = repo.commit("Write something")
    repo.git("checkout", "-q", "main")
    done = repo.run("withdraw", "fraud", "--pull-request")
    assert done.status == 1
    assert f"pull request 1 ({repo.remote}.pulls/1.json) is open for this step, but it differs in mine.md" in done.err
    assert "help: merge or close it, then run this again" in done.err
    assert repo.tip(BRANCH) == mine
    assert len(repo.pull_requests()) == 1


def test_the_pull_request_of_another_record_is_not_taken_for_this_one(repo: Repo) -> None:
    words = ("record", "fraud", "44", "--pull-request", "--digest", "sha256:" + "4" * 64, "--run-id", "r", "--artifact")
    assert repo.run(*words, "s3://models/fraud/44/").status == 0
    done = repo.run(*words, "s3://models/fraud/44-fixed/")
    assert (done.status, "it differs in rollouts/fraud.yaml" in done.err) == (1, True), done.text
    assert len(repo.pull_requests()) == 1
