"""Kills at each step of an answer: the worker alone, or the whole service. One pull request comes of it."""

from __future__ import annotations

import os
import signal
import time

import pytest
import served
from faults import QUICK, check_answered, check_one_rollback, is_quiet, locked, post, serving, stopped_at, worker_of
from hosted_repositories import Hosted
from repo import Repo

pytestmark = pytest.mark.system

STEPS = {
    "fetching the base": r"info/refs\?service=git-upload-pack",
    "looking for the pull request": r"GET \S*/pulls\?",
    "asking whether it may push": r"info/refs\?service=git-receive-pack",
    "pushing the branch": r"POST \S*/git-receive-pack",
    "opening the pull request": r"POST \S*/pulls ",
    "labelling it": r"POST \S*/labels ",
    "asking for reviews": r"POST \S*/requested_reviewers ",
    "enabling auto-merge": r"enablePullRequestAutoMerge",
}
EFFECTS = ("pushing the branch", "opening the pull request", "enabling auto-merge")


@pytest.mark.parametrize(
    ("step", "phase"), [*((step, "before") for step in STEPS), *((step, "after") for step in EFFECTS)]
)
def test_the_worker_is_killed(step: str, phase: str, repo: Repo, forge: Hosted) -> None:
    with serving(repo) as running:
        with stopped_at(forge.host, phase, STEPS[step]) as stop:
            id = post(running)
            stop.wait()
            served.kill(worker_of(running))
        check_answered(running, id, repo, forge)


@pytest.mark.parametrize("step", EFFECTS)
def test_the_service_is_killed(step: str, repo: Repo, forge: Hosted) -> None:
    with serving(repo) as first, stopped_at(forge.host, "after", STEPS[step]) as stop:
        id = post(first)
        stop.wait()
        first.kill()
    with serving(repo) as second:
        check_answered(second, id, repo, forge)


@pytest.mark.parametrize("who", ["worker", "service"])
def test_it_is_killed_after_a_merge_at_once(who: str, repo: Repo, forge: Hosted) -> None:
    """Let the forge merge at once, and kill before anybody knows: the base has the rollback already."""
    forge.host.checks = "none"
    first = served.start(repo, QUICK)
    is_quiet(first)
    with stopped_at(forge.host, "after", r"PUT \S*/merge ") as stop:
        id = post(first)
        stop.wait()
        served.kill(worker_of(first)) if who == "worker" else first.kill()
    second = first if who == "worker" else served.start(repo, QUICK)
    try:
        done = second.settled(id, "done", seconds=60)
    finally:
        second.kill()
    assert [each.state for each in forge.host.pulls] == ["merged"], done
    assert repo.live_at("main")["stable"] == "41" and "candidate" not in repo.live_at("main")
    (pull,) = forge.host.pulls
    assert done["outcome"]["pullRequest"]["url"].endswith(f"/{pull.number}")
    assert (done["outcome"]["verdict"], done["outcome"]["pullRequest"]["state"]) == ("act", "merged")
    assert done["outcome"]["rollback"] == [{"rollout": "fraud", "failed": "42", "restored": "41"}]
    assert (done["steps"][-1]["name"], done["outcome"]["pullRequest"]["branch"]) == ("merged", pull.head)


def test_the_service_is_killed_after_storing_a_breach(repo: Repo, forge: Hosted) -> None:
    with serving(repo) as first:
        os.kill(worker_of(first), signal.SIGSTOP)
        id = post(first)
        first.kill()
    assert forge.host.pulls == []
    with serving(repo) as second:
        check_answered(second, id, repo, forge)


@pytest.mark.parametrize("who", ["worker", "service"])
def test_it_is_killed_before_it_writes_the_outcome(who: str, repo: Repo, forge: Hosted) -> None:
    """Hold the write lock of the inbox, so that the outcome is not written, and kill."""
    inbox = served.mirror(repo) / "rollout-spec/inbox.sqlite3"
    first = served.start(repo, QUICK)
    is_quiet(first)
    with stopped_at(forge.host, "before", STEPS["enabling auto-merge"]) as stop:
        id = post(first)
        stop.wait()
        with locked(inbox):
            stop.drop()  # the worker asks again
            check_one_rollback(repo, forge)
            time.sleep(0.5)
            served.kill(worker_of(first)) if who == "worker" else first.kill()
    second = first if who == "worker" else served.start(repo, QUICK)
    try:
        check_answered(second, id, repo, forge)
    finally:
        second.kill()


def test_a_service_that_is_killed_again_and_again_loses_nothing(repo: Repo, forge: Hosted) -> None:
    ids = []
    for _ in range(3):
        running = served.start(repo, QUICK)
        ids.append(post(running))
        time.sleep(0.3)
        running.kill()
    assert len(set(ids)) == 1
    with serving(repo) as running:
        check_answered(running, ids[0], repo, forge)
        assert running.breach(ids[0])["arrivals"] == 3
