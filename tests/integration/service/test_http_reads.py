"""Progress and metrics for people: pages, filters, a drill that pushes nothing, and names as Prometheus wants them."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
import served
from repo import Repo
from served import Served

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def running(shared: Repo) -> Iterator[Served]:
    served.settings(shared)
    with served.service(shared) as service:
        yield service


def test_a_drill_pushes_nothing(running: Served, shared: Repo) -> None:
    before = shared.snapshot()
    reply = running.post(served.alert(trigger="latency-sla"), query="?dryRun=true")
    breach = running.settled(reply.json()["breaches"][0]["id"])
    assert breach["state"] == "done"
    assert breach["outcome"]["verdict"] == "act"
    assert breach["outcome"]["rollback"] == [{"rollout": "fraud", "failed": "42", "restored": "41"}]
    assert breach["outcome"]["commit"]
    assert "pullRequest" not in breach["outcome"]
    assert [step["name"] for step in breach["steps"]][:2] == ["received", "decided"]
    assert shared.snapshot() == before


def test_pages_and_filters(running: Served) -> None:
    for number in range(7):
        running.post(served.alert(workspace="elsewhere", number=str(number)), query="?dryRun=true")
    seen, path = list[str](), "/v1/breaches?most=3&state=refused"
    for _ in range(5):
        page = running.get(path).json()
        seen += [each["id"] for each in page["breaches"]]
        if page["next"] is None:
            break
        path = f"/v1/breaches?most=3&state=refused&before={page['next']}"
    assert len(seen) == len(set(seen)) == 7
    received = [running.breach(id)["receivedAt"] for id in seen]
    assert received == sorted(received, reverse=True)
    assert len(running.get("/v1/breaches?rollout=fraud").json()["breaches"]) >= 7
    assert running.get("/v1/breaches?rollout=other").json() == {"breaches": [], "next": None}
    for wrong in ("most=0", "most=1001", "state=lost", "before=1", f"before={'0' * 32}", "states=done", "rollout=A"):
        assert running.get(f"/v1/breaches?{wrong}").status_code == 422, wrong
    assert running.get(f"/v1/breaches/{'0' * 32}").status_code == 404


def test_reading_needs_credentials(running: Served) -> None:
    for path in ("/v1/breaches", f"/v1/breaches/{'0' * 32}"):
        assert requests.get(f"{running.address}{path}", timeout=30).status_code == 401
    served.until(running.works, bool, 60)  # the worker starts after the listener
    for path in ("/healthz", "/readyz", "/metrics", "/openapi.json"):
        assert requests.get(f"{running.address}{path}", timeout=30).status_code == 200


def test_wrong_credentials_of_a_reader_are_limited(running: Served) -> None:
    headers = {"Authorization": "Bearer wrong"}
    replies = [requests.get(f"{running.address}/v1/breaches", headers=headers, timeout=30) for _ in range(15)]
    assert replies[-1].status_code == 429
    assert running.get("/v1/breaches").status_code == 200


def test_metrics_have_bounded_labels(running: Served) -> None:
    for number in range(30):
        running.send(b"{}", monitor=f"made-up-{number}")
    text = requests.get(f"{running.address}/metrics", timeout=30).text
    assert "made-up" not in text
    assert 'rollout_spec_rejected_requests_total{monitor="unknown",status="404"} 30.0' in text


def test_metrics_are_named_as_prometheus_recommends(running: Served, promtool: Path) -> None:
    running.answered(served.alert())
    text = requests.get(f"{running.address}/metrics", timeout=30)
    assert re.match("text/plain; version=0.0.4", text.headers["Content-Type"])
    done = subprocess.run([promtool, "check", "metrics"], input=text.text, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
