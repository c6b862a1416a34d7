"""Ten rollbacks one after another: Alertmanager, the service, git over HTTP, and a forge that waits for a status.

It measures the seconds from the alert to the merge. Prometheus is left out: each alert is posted to Alertmanager.
``ROLLOUT_SPEC_RUNS`` is the number of rollbacks. ``ROLLOUT_SPEC_LATENCY`` delays each request to the forge by some
seconds.
"""

from __future__ import annotations

import os
import statistics
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests
from repo import Repo
from served import Served, service
from stack import workspace
from stack.delivery import hosted_on_forge
from stack.forge import TimedGitHub
from stack.monitoring import alertmanager_running
from stack.programs import wait_until

pytestmark = [pytest.mark.system, pytest.mark.real]

RUNS = int(os.environ.get("ROLLOUT_SPEC_RUNS", "10"))
LATENCY = float(os.environ.get("ROLLOUT_SPEC_LATENCY", "0"))
MOST_OF_THE_SERVICE, MOST = 8.0, 12.0
"""The greatest medians in seconds. They leave room for a busy machine: the goals are 1 and 3."""


def propose(repo: Repo, version: str) -> None:
    """Record a version and send it traffic."""
    repo.record(version, like="41")
    repo.take(lambda live: live.model_copy(update={"candidate": version, "stage": "canary"}), f"Try {version}")


def fire(alertmanager: str, version: str) -> float:
    """Let an alert fire in Alertmanager, and return the time."""
    labels = {"alertname": "RolloutBreach", "workspace": "acme-models", "rollout": "fraud", "version": version}
    labels |= {"trigger": "serving-errors", "severity": "hard", "namespace": "ml"}
    now = time.time()
    alert = {
        "labels": labels,
        "annotations": {"value": "0.5"},
        "startsAt": datetime.fromtimestamp(now, UTC).isoformat(),
    }
    assert requests.post(f"{alertmanager}/api/v2/alerts", json=[alert], timeout=30).ok
    return now


def legs(version: str, alertmanager: str, served: Served, host: TimedGitHub, known: int) -> dict[str, float]:
    """Return the seconds of each leg of one rollback."""
    fired = fire(alertmanager, version)
    wait_until(lambda: len(host.merged_times) > known, f"{version} is not merged\n{served.lines[-3000:]}")
    number = max(host.merged_times)
    breach = next(each for each in served.get("/v1/breaches").json()["breaches"] if each["version"] == version)
    received = datetime.fromisoformat(breach["receivedAt"]).timestamp()
    merged, opened = host.merged_times[number], host.opened_at[number]
    return {
        "firing to received": received - fired,
        "received to pull request": opened - received,
        "pull request to merged": merged - opened,
        "received to merged": merged - received,
        "firing to merged": merged - fired,
    }


def test_a_rollback_is_merged_within_seconds(tmp_path: Path) -> None:
    repo = workspace.create(tmp_path, {"41": "1" * 64, "42": "3" * 64})
    manifest = repo.at("main", workspace.OPERATOR)
    with (
        hosted_on_forge(repo, LATENCY) as host,
        service(repo) as served,
        alertmanager_running(tmp_path, served.address, manifest) as alertmanager,
    ):
        wait_until(served.works, f"the service does not work\n{served.lines[-3000:]}")
        runs = []
        for number in range(RUNS):
            version = str(42 + number)
            if number:
                repo.git("pull", "-q", "origin", "main")
                propose(repo, version)
            runs.append(legs(version, alertmanager, served, host, number))
            assert "candidate" not in repo.live_at("main")
    api, git = len(host.asked) / RUNS, len(host.git_saw) / RUNS
    print(f"\n{api:.1f} requests to the API, {git:.1f} of git, for each rollback")
    print(f"{'':24}  first  median  longest  of {RUNS} rollbacks, in seconds")
    for name in runs[0]:
        values = [run[name] for run in runs]
        print(f"{name:24} {values[0]:6.2f} {statistics.median(values):7.2f} {max(values):8.2f}")
    assert statistics.median(run["received to merged"] for run in runs) < MOST_OF_THE_SERVICE
    assert statistics.median(run["firing to merged"] for run in runs) < MOST
