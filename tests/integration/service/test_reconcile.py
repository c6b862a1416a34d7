"""The service moves rollouts by itself: real clock, real Prometheus, and a forge on this disk."""

from __future__ import annotations

import shutil
import signal
import time
from dataclasses import replace
from pathlib import Path

import present_traffic
import pytest
import served
from faults import leaders, worker_of
from present_traffic import Entered, Front, serve_gate, set_reconcile
from reconciling import metric, reconciled, the_pull_request, wait_for_passes
from repo import git
from served import Served, service, until

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("reconcile")]


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
        until(lambda: metric(running, 'rollout_spec_answers_total{verdict="act"}'), lambda count: count == 1)
        assert reconciled(running, "reported") >= 3
    (pull,) = repo.pull_requests()
    assert (breach["monitor"], breach["trigger"], breach["version"]) == ("gate", "serving-errors", "42")
    assert breach["arrivals"] >= 3
    assert breach["outcome"]["pullRequest"]["branch"] == pull["head"]
    assert (pull["state"], pull["autoMerge"]) == ("open", True)
    assert repo.data_at(pull["head"], "incidents/fraud-42.yaml")["spec"]["source"] == "gate"


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


@pytest.mark.parametrize("first", ["monitor", "gate"])
def test_a_monitor_and_the_gate_report_one_failure(first: str, entered: Entered, prometheus: str) -> None:
    """Both breaches are answered, with the same pull request."""
    repo = entered("failing", prometheus)
    serve_gate(repo, reconcile=None if first == "monitor" else "1s")
    with service(repo) as running:
        if first == "gate":
            the_pull_request(repo)
        (posted,) = running.post(served.alert(trigger="serving-errors")).json()["breaches"]
        if first == "monitor":
            the_pull_request(repo)
            set_reconcile(repo, "1s")
        both = until(lambda: running.get("/v1/breaches").json()["breaches"], lambda all: len(all) == 2, 60)
        settled = [running.settled(each["id"], "watching") for each in both]
        wait_for_passes(running, 3)
    (pull,) = repo.pull_requests()
    assert pull["head"].startswith("rollback/acme-models/fraud/42-")
    assert {each["monitor"] for each in settled} == {"alertmanager", "gate"}
    assert {each["outcome"]["pullRequest"]["branch"] for each in settled} == {pull["head"]}
    assert posted["id"] in {each["id"] for each in settled}
