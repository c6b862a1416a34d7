"""The passes of a running service: counted, waited for, and ended by a kill of the reconciler."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
import served
from faults import leaders
from repo import Repo
from served import Served, until


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
