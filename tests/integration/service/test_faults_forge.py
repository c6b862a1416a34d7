"""A forge or a remote that is down, refuses, hangs, answers nonsense or is slow, and then comes back."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
import served
from fakes.forge import ForgeHost
from fakes.host import Answer
from faults import QUICK, check_answered, failing, post, serving
from hosted_repositories import Hosted
from repo import Repo

pytestmark = pytest.mark.system

API, GIT = r" /api/", r"models\.git/"
ENVIRONMENT = {"ROLLOUT_SPEC_FORGE_SECONDS": "5"}


def closed() -> None:
    raise ConnectionAbortedError


def slowly() -> None:
    time.sleep(0.5)


def hanging() -> None:
    time.sleep(8)
    raise ConnectionAbortedError


def answer(status: int, body: object = b"", **headers: str) -> Callable[[], Answer]:
    return lambda: Answer(status, body, {name.replace("_", "-"): value for name, value in headers.items()})


FAULTS: dict[str, tuple[str, Callable[[], Answer | None]]] = {
    "the forge answers 500": (API, answer(500, {"message": "Server Error"})),
    "the forge answers 403": (API, answer(403, {"message": "Resource not accessible by integration"})),
    "the forge limits the rate": (API, answer(429, {"message": "slow down"}, Retry_After="1")),
    "the forge answers nonsense": (API, answer(200, b"<html>Unicorn!</html>", Content_Type="text/html")),
    "the forge answers other JSON": (API, answer(200, {"message": 7})),
    "the forge closes connections": (API, closed),
    "the forge hangs": (API, hanging),
    "the remote closes connections": (GIT, closed),
    "the remote refuses": (GIT, answer(403, b"forbidden")),
    "the remote answers 500": (GIT, answer(500, b"oops")),
    "the remote hangs": (GIT, hanging),
    "the remote refuses a push": ("git-receive-pack", answer(403, b"forbidden")),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_it_comes_back(fault: str, repo: Repo, forge: Hosted) -> None:
    with serving(repo, environment=ENVIRONMENT) as running:
        with failing(forge.host, *FAULTS[fault]) as times:
            id = post(running)
            served.until(lambda: running.breach(id), lambda row: "error" in row["outcome"], 60)
            assert times
            assert isinstance(forge.host, ForgeHost)
            assert forge.host.pulls == []
            row = running.breach(id)
            assert row["state"] in ("waiting", "working"), row
            assert running.get("/healthz").status_code == 200
        check_answered(running, id, repo, forge)
        assert [each["name"] for each in running.breach(id)["steps"]].count("pull request") == 1


@pytest.mark.parametrize("pattern", [API, GIT], ids=["forge", "remote"])
def test_it_is_slow(pattern: str, repo: Repo, forge: Hosted) -> None:
    """Inject half a second before each answer: more than a lease in all."""
    with serving(repo) as running:
        with failing(forge.host, pattern, slowly):
            id = post(running)
            running.settled(id, "watching", seconds=90)
        check_answered(running, id, repo, forge)
        assert "taken over" not in [each["name"] for each in running.breach(id)["steps"]]


def test_an_open_pull_request_outlives_a_forge_that_is_down(repo: Repo, forge: Hosted) -> None:
    """Inject a forge that fails while a pull request is followed whose breach is older than `maxBreachAge`."""
    repo.git("remote", "set-url", "origin", str(repo.remote))
    served.settings(repo, "maxBreachAge: 5s")
    repo.git("remote", "set-url", "origin", forge.host.clone_url)
    with serving(repo, environment=ENVIRONMENT) as running:
        id = post(running)
        running.settled(id, "watching", "done")
        time.sleep(5)
        with failing(forge.host, API, closed):
            served.until(lambda: running.breach(id), lambda row: "error" in row["outcome"], 60)
            assert running.breach(id)["state"] == "watching"
        assert isinstance(forge.host, ForgeHost)
        forge.host.checks_pass()
        assert running.settled(id, "done", seconds=90)["outcome"]["pullRequest"]["state"] == "merged"


def test_the_remote_hangs_while_the_service_starts(repo: Repo, forge: Hosted) -> None:
    """Inject a remote that answers no fetch. Breaches are accepted with the settings that were fetched before."""
    served.mirror(repo)
    with failing(forge.host, GIT, hanging), served.service(repo, *QUICK) as running:
        ready = running.get("/readyz")
        assert (ready.status_code, ready.json()["problems"]["git"]) == (503, "not fetched yet")
        id = post(running)
        assert running.breach(id)["state"] in ("waiting", "working")
        forge.host.gate = lambda *_: None  # type: ignore[method-assign]
        check_answered(running, id, repo, forge)
