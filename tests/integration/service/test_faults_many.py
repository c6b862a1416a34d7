"""Many deliveries at once, alerts that flap, and alerts that fire again after their rollback."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
import served
from fakes.forge import ForgeHost
from faults import acting, check_answered, check_one_rollback, post, serving, worker_of
from forge_users import set_live
from hosted_repositories import Hosted
from repo import Repo

pytestmark = pytest.mark.system


def text_of(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def test_a_thousand_deliveries_at_once_are_one_breach(repo: Repo, forge: Hosted) -> None:
    alert = acting(started=text_of(datetime.now(UTC)))
    with serving(repo) as running:
        content = served.payload(alert)

        def deliver(_: int) -> tuple[int, dict[str, Any]]:
            with running.send(content) as reply:  # a reply that is kept keeps its connection
                return reply.status_code, reply.json()["breaches"][0]

        with ThreadPoolExecutor(50) as pool:
            replies = list(pool.map(deliver, range(1000)))
        assert {status for status, _ in replies} == {202}
        ids = {breach["id"] for _, breach in replies}
        assert len(ids) == 1
        (id,) = ids
        assert running.breach(id)["arrivals"] == 1000
        assert sum(breach["isNew"] for _, breach in replies) == 1
        check_answered(running, id, repo, forge)


def test_a_busy_worker_does_not_hold_up_deliveries(repo: Repo, forge: Hosted) -> None:
    """Inject a worker that reads no message: thousands of posts must not fill a buffer and wait for it."""
    alert = acting()
    with serving(repo) as running:
        worker = worker_of(running)
        os.kill(worker, signal.SIGSTOP)
        try:
            with requests.Session() as session:
                session.headers.update({"Content-Type": "application/json", **running.headers})
                for _ in range(700):
                    reply = session.post(
                        f"{running.address}/v1/breaches/alertmanager", served.payload(alert), timeout=10
                    )
                    assert reply.status_code == 202
        finally:
            os.kill(worker, signal.SIGCONT)
        check_answered(running, reply.json()["breaches"][0]["id"], repo, forge)


def test_a_flapping_alert_is_one_pull_request(repo: Repo, forge: Hosted) -> None:
    began = datetime.now(UTC) - timedelta(minutes=5)
    with serving(repo) as running:
        for number in range(6):
            start = text_of(began + timedelta(seconds=10 * number))
            alert = acting(started=start)
            reply = running.post(alert)
            assert reply.status_code == 202, reply.text
            ended = text_of(began + timedelta(seconds=10 * number + 5))
            assert running.post({**alert, "status": "resolved", "endsAt": ended}).status_code == 202
        id = reply.json()["breaches"][0]["id"]
        assert running.post(acting(started=text_of(datetime.now(UTC)))).json()["breaches"][0]["id"] == id
        assert running.breach(id)["endedAt"] is None
        check_answered(running, id, repo, forge)


def test_an_alert_that_fires_again_after_the_merge_is_answered_again(repo: Repo, forge: Hosted) -> None:
    """Let 42 be rolled back, merged, and come back; then the same alert fires a second time."""
    with serving(repo) as running:
        id = post(running)
        check_answered(running, id, repo, forge)
        before = running.breach(id)
        repo.git("remote", "set-url", "origin", str(repo.remote))
        repo.git("pull", "-q", "origin", "main")
        (incident,) = [path.stem for path in (repo.workspace / "incidents").glob("fraud-42*.yaml")]
        repo.resolve(incident, "good")
        set_live(
            repo, repo.model().spec.live.model_copy(update={"candidate": "42", "stage": "canary-5"}), "Try 42 again"
        )
        repo.git("remote", "set-url", "origin", forge.host.clone_url)
        time.sleep(1.1)
        assert isinstance(forge.host, ForgeHost)
        forge.host.checks = "pending"
        assert post(running) == id
        pulls = forge.host.pulls
        served.until(
            lambda: [(each.state, bool(each.armed)) for each in pulls], lambda seen: seen[1:] == [("open", True)], 60
        )
        after = running.settled(id, "watching")
        assert after["outcome"]["pullRequest"]["number"] != before["outcome"]["pullRequest"]["number"]
        assert after["receivedAt"] > before["receivedAt"]


@pytest.mark.parametrize("years", [-0.5, 30])
def test_the_start_of_an_alert_is_far_from_now(years: float, repo: Repo, forge: Hosted) -> None:
    """Inject a monitor with a wrong clock. A later alert with the right time is answered."""
    start = datetime.now(UTC) + timedelta(days=365 * years)
    with serving(repo) as running:
        reply = running.post(acting(started=text_of(start)))
        assert reply.status_code == 202
        first = running.settled(reply.json()["breaches"][0]["id"], "done", "watching", "waiting")
        time.sleep(1.1)
        id = post(running)
        served.until(lambda: running.breach(id)["state"], lambda state: state in ("watching", "done"), 60)
        check_one_rollback(repo, forge)
        assert first["attempts"] <= 1
