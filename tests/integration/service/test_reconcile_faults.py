"""Faults around a rollout that moves by itself: of Prometheus, and kills of the reconciler."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator

import present_traffic
import pytest
import served
from faults import stopped_at
from hosted_repositories import Hosted
from present_traffic import Entered, Front, serve_gate, set_reconcile
from reconciling import kill_reconciler, the_pull_request, wait_for_passes
from served import Served, service, until

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("reconcile")]
EFFECTS = {
    "pushing the branch": r"POST \S*/git-receive-pack",
    "opening the pull request": r"POST \S*/pulls ",
    "enabling auto-merge": r"enablePullRequestAutoMerge",
}
FAULTS = [
    present_traffic.refused,
    present_traffic.empty,
    present_traffic.not_a_number,
    present_traffic.partial,
    present_traffic.garbage,
]
ARMED = [("open", True)]
"""The state of the only pull request, and whether the forge merges it by itself."""


@pytest.mark.parametrize("name", ["healthy", "failing"])
def test_a_prometheus_that_fails_moves_nothing(name: str, entered: Entered, front: Front) -> None:
    """Breaches of monitors are answered meanwhile, and it goes on once Prometheus works again."""
    front.behavior = FAULTS[0]
    repo = entered(name, front.address)
    serve_gate(repo)
    with service(repo) as running:
        for fault in (*FAULTS, front.hang):
            meet_fault(running, front, fault)
            assert repo.pull_requests() == [], fault
        front.behavior = lambda body: body
        front.released.set()
        pull = the_pull_request(repo)
    assert pull["head"].startswith("advance/" if name == "healthy" else "rollback/")


def meet_fault(running: Served, front: Front, fault: Callable[[bytes], bytes | None]) -> None:
    """Let Prometheus fail for two passes, or for one that hangs. A breach of a monitor is answered meanwhile."""
    before, front.behavior = front.asked, fault
    until(lambda: front.asked, lambda asked: asked > before, 60)
    if fault != front.hang:
        wait_for_passes(running, 2)
    begun = time.monotonic()
    # Another alert each time: one that fires again is answered some seconds later.
    reply = running.post(served.alert(trigger="latency-sla", pod=fault.__name__), query="?dryRun=true")
    running.settled(reply.json()["breaches"][0]["id"], "done")
    assert time.monotonic() - begun < 10


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
