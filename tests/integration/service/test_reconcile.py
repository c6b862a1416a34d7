"""The service moves rollouts by itself: real clock, real Prometheus, and a forge on this disk."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import present_traffic
import pytest
import served
from faults import leaders, stopped_at, worker_of
from hosted_repositories import Hosted
from present_traffic import Front, front_of, serve_gate, set_reconcile
from repo import Repo, git
from served import Served, service, until

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("reconcile")]
Entered = Callable[[str, str], Repo]
EFFECTS = {
    "pushing the branch": r"POST \S*/git-receive-pack",
    "opening the pull request": r"POST \S*/pulls ",
    "enabling auto-merge": r"enablePullRequestAutoMerge",
}
ARMED = [("open", True)]
"""The state of the only pull request, and whether the forge merges it by itself."""


@pytest.fixture(scope="session")
def start() -> datetime:
    """The time of the first sample."""
    return present_traffic.begin()


@pytest.fixture(scope="session")
def prometheus(tmp_path_factory: pytest.TempPathFactory, start: datetime) -> Iterator[str]:
    with present_traffic.recorded(tmp_path_factory.mktemp("prometheus"), start) as address:
        yield address


@pytest.fixture
def front(prometheus: str) -> Iterator[Front]:
    with front_of(prometheus) as running:
        yield running


@pytest.fixture
def entered(repo: Repo, start: datetime) -> Entered:
    """Return a function that lets the candidate behave as in a scenario, judged by a Prometheus."""

    def make(name: str, address: str) -> Repo:
        repo.git("remote", "set-url", "origin", str(repo.remote))  # people have other credentials than the service
        present_traffic.enter(repo, name, start, address)
        return repo

    return make


def passes(running: Served) -> int:
    """Return the number of finished passes."""
    return int(metric(running, "rollout_spec_pass_seconds_count"))


def metric(running: Served, name: str) -> float:
    """Return the value of a metric, 0 if it is absent."""
    found = re.search(rf"(?m)^{re.escape(name)} (.*)$", running.get("/metrics").text)
    return float(found[1]) if found else 0.0


def reconciled(running: Served, action: str) -> float:
    return metric(running, f'rollout_spec_reconciled_rollouts_total{{action="{action}"}}')


def wait_for_passes(running: Served, count: int) -> None:
    """Wait for some more passes."""
    before = passes(running)
    until(lambda: passes(running), lambda now: now >= before + count, 60)


def the_pull_request(repo: Repo) -> dict[str, Any]:
    """Wait for the first pull request, and return the only one."""
    (pull,) = until(repo.pull_requests, bool, 60)
    return dict(pull)


def test_a_step_is_opened_once(entered: Entered, prometheus: str) -> None:
    repo = entered("healthy", prometheus)
    serve_gate(repo)
    with service(repo) as running:
        the_pull_request(repo)
        wait_for_passes(running, 3)
        assert reconciled(running, "proposed") >= 3
        assert running.get("/v1/breaches").json()["breaches"] == []
    (pull,) = repo.pull_requests()
    assert (pull["head"], pull["state"], pull["autoMerge"]) == ("advance/acme-models/fraud/42", "open", True)
    assert repo.live_at(pull["head"])["stage"] == "ab-50"
    assert "- serving-errors: ok. error_rate of 42: " in git(repo.remote, "log", "-1", "--format=%B", pull["head"])
    assert running.lines.count("fraud 42: proposed") == 1


def test_a_breach_of_the_gate_becomes_one_rollback(entered: Entered, prometheus: str) -> None:
    repo = entered("failing", prometheus)
    serve_gate(repo)
    with service(repo) as running:
        the_pull_request(repo)
        wait_for_passes(running, 3)
        (breach,) = running.get("/v1/breaches").json()["breaches"]
        breach = running.settled(breach["id"], "watching")
        assert metric(running, 'rollout_spec_answers_total{verdict="act"}') == 1
        assert reconciled(running, "reported") >= 3
    (pull,) = repo.pull_requests()
    assert (breach["monitor"], breach["trigger"], breach["version"]) == ("gate", "serving-errors", "42")
    assert breach["arrivals"] >= 3
    assert breach["outcome"]["pullRequest"]["branch"] == pull["head"]
    assert (pull["state"], pull["autoMerge"]) == ("open", True)
    assert repo.data_at(pull["head"], "incidents/fraud-42.yaml")["spec"]["source"] == "gate"


@pytest.mark.parametrize("fault", ["refused", "empty", "not_a_number", "partial", "garbage", "hang"])
@pytest.mark.parametrize("name", ["healthy", "failing"])
def test_a_prometheus_that_fails_moves_nothing(fault: str, name: str, entered: Entered, front: Front) -> None:
    """Breaches of monitors are answered meanwhile, and it goes on once Prometheus works again."""
    front.behavior = front.hang if fault == "hang" else getattr(present_traffic, fault)
    repo = entered(name, front.address)
    serve_gate(repo)
    with service(repo) as running:
        until(lambda: front.asked, bool, 60)
        if fault != "hang":
            wait_for_passes(running, 2)
        begun = time.monotonic()
        reply = running.post(served.alert(trigger="latency-sla"), query="?dryRun=true")
        running.settled(reply.json()["breaches"][0]["id"], "done")
        assert time.monotonic() - begun < 10
        assert repo.pull_requests() == []
        front.behavior = lambda body: body
        front.released.set()
        pull = the_pull_request(repo)
    assert pull["head"].startswith("advance/" if name == "healthy" else "rollback/")


def wait_for_text(running: Served, text: str, times: int) -> None:
    """Wait until a text is in the log so many times."""
    until(lambda: running.lines.count(text), lambda count: count >= times)


def kill_reconciler(running: Served, delay: float) -> None:
    """Kill the reconciler after a time, and wait until its end is logged.

    Both children look alike from outside, so the worker may be killed before.
    """
    ends = "it is started again"
    own = f"the reconciler ended with status -9: {ends}"
    until(lambda: leaders(running), lambda pids: len(pids) == 2)
    time.sleep(delay)
    before, both = running.lines.count(own), leaders(running)
    for pid in both:
        count = running.lines.count(ends)
        served.kill(pid)
        wait_for_text(running, ends, count + 1)
        if running.lines.count(own) > before:
            return
    pytest.fail(f"none of {both} was the reconciler")


@pytest.mark.parametrize("name", ["healthy", "failing"])
def test_a_killed_reconciler_is_started_again(name: str, entered: Entered, prometheus: str) -> None:
    repo = entered(name, prometheus)
    serve_gate(repo)
    with service(repo) as running:
        for delay in (0.2, 0.6, 1.2):  # at different moments of a pass
            kill_reconciler(running, delay)
        the_pull_request(repo)
        wait_for_passes(running, 2)
    (pull,) = repo.pull_requests()
    assert pull["autoMerge"] is True
    assert repo.whole_names() == [pull["head"]]


@pytest.mark.parametrize("step", EFFECTS)
def test_a_reconciler_that_is_killed_in_a_step_opens_nothing_twice(
    step: str, entered: Entered, forge: Hosted, prometheus: str
) -> None:
    """Kill it after each request to the forge that has an effect, before it gets the answer."""
    repo = entered("healthy", prometheus)
    set_reconcile(repo, "1s")
    repo.git("remote", "set-url", "origin", forge.host.clone_url)
    with service(repo) as running:
        with stopped_at(forge.host, "after", EFFECTS[step]) as stop:
            stop.wait()
            kill_reconciler(running, 0)
        until(lambda: [(each.state, bool(each.armed)) for each in forge.host.pulls], lambda seen: seen == ARMED, 60)
        wait_for_passes(running, 2)
    assert [(each.state, bool(each.armed)) for each in forge.host.pulls] == ARMED
    assert repo.whole_names() == ["advance/acme-models/fraud/42"]


def test_the_interval_is_taken_up_and_away_without_a_restart(entered: Entered, front: Front) -> None:
    front.behavior = present_traffic.empty
    repo = entered("healthy", front.address)
    serve_gate(repo, reconcile=None)
    with service(repo, "--poll", "1") as running:
        until(running.works, bool, 60)
        wait_for_worker_alone(running)
        assert front.asked == 0
        set_reconcile(repo, "1s")
        wait_for_passes(running, 2)
        assert len(leaders(running)) == 2
        set_reconcile(repo, None)
        until(lambda: leaders(running), lambda pids: len(pids) == 1, 60)
        asked = front.asked
        time.sleep(3)
        assert front.asked == asked
        assert "it is started again" not in running.lines
        set_reconcile(repo, "1s")
        wait_for_passes(running, 1)


def wait_for_worker_alone(running: Served) -> None:
    """Check for some seconds that the worker is the only child that works."""
    end = time.monotonic() + 3
    while time.monotonic() < end:
        assert leaders(running) == [worker_of(running)]
        time.sleep(0.2)


@pytest.mark.parametrize("name", ["healthy", "failing"])
def test_two_services_on_one_remote_open_one_pull_request(name: str, entered: Entered, prometheus: str) -> None:
    repo = entered(name, prometheus)
    serve_gate(repo)
    first = repo.remote.parent / "first"
    shutil.copytree(served.mirror(repo), first / "mirror.git")
    with service(replace(repo, remote=first / "remote.git")) as one, service(repo) as other:
        pull = the_pull_request(repo)
        for running in (one, other):
            wait_for_passes(running, 3)
        if name == "failing":
            for running in (one, other):
                (breach,) = running.get("/v1/breaches").json()["breaches"]
                running.settled(breach["id"], "watching")
    assert [each["head"] for each in repo.pull_requests()] == [pull["head"]]
    assert repo.whole_names() == [pull["head"]]


@pytest.mark.parametrize("fault", ["none", "hang"])
def test_a_signal_ends_all_processes(fault: str, entered: Entered, front: Front) -> None:
    """Also while a pass waits for Prometheus: Kubernetes kills after 30 seconds."""
    front.behavior = front.hang if fault == "hang" else present_traffic.empty
    repo = entered("healthy", front.address)
    serve_gate(repo)
    with service(repo) as running:
        until(lambda: front.asked, bool, 60)
        pids = until(lambda: leaders(running), lambda pids: len(pids) == 2)
        begun = time.monotonic()
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(30) == 0
        assert time.monotonic() - begun < 15
        assert [pid for pid in pids if Path(f"/proc/{pid}").exists()] == []


@pytest.fixture
def stopped(prometheus: str) -> Iterator[Callable[[], None]]:
    """Stop Prometheus with SIGSTOP, and return a function that lets it go on."""
    pattern = f"web.listen-address={prometheus.removeprefix('http://')}"
    (pid,) = subprocess.run(["pgrep", "-f", pattern], capture_output=True, text=True, check=True).stdout.split()
    os.kill(int(pid), signal.SIGSTOP)
    try:
        yield lambda: os.kill(int(pid), signal.SIGCONT)
    finally:
        os.kill(int(pid), signal.SIGCONT)


def test_a_prometheus_that_is_stopped_is_waited_for_once_a_pass(
    entered: Entered, prometheus: str, stopped: Callable[[], None]
) -> None:
    """Nothing moves, breaches of monitors are answered, and it goes on afterwards."""
    repo = entered("healthy", prometheus)
    serve_gate(repo)
    with service(repo) as running:
        until(lambda: running.lines, lambda lines: "no whole answer within 30 seconds" in lines, 90)
        wait_for_passes(running, 1)
        reply = running.post(served.alert(trigger="latency-sla"), query="?dryRun=true")
        running.settled(reply.json()["breaches"][0]["id"], "done", seconds=10)
        assert repo.pull_requests() == []
        stopped()
        pull = the_pull_request(repo)
    assert pull["head"] == "advance/acme-models/fraud/42"
