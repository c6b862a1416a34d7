"""A forge that is slow does not hold a rollback: all requests of one command together have one time, and one size."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.host import Answer, Request
from fakes.slow import Slow
from hosted_repositories import BRANCH, FAKES, TOKEN, Hosted, allow, as_app, hosted, let_in, point_to
from real_servers import CHECKOUT
from repo import Repo

from rollout_spec.core import budget
from rollout_spec.core.errors import OUTSIDE, UserError
from rollout_spec.integrations.forges import Access, Forge, connect
from rollout_spec.integrations.forges.credentials import TOKENS

pytestmark = pytest.mark.system

LATE = [
    *("body_by_bytes", "chunks_by_bytes", "headers_by_bytes", "silence", "to_be_continued", "later", "in_circles"),
    "accepted",
]
LARGE = ["endless_body", "bomb"]
SECONDS = 1
SLACK = 1.5
"""What may go by besides, on a machine that is busy."""


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    let_in(monkeypatch)
    monkeypatch.setenv(budget.VARIABLE, str(SECONDS))
    monkeypatch.setenv("NO_PROXY", "*")


def reach(kind: str, url: str, patch: pytest.MonkeyPatch) -> Forge:
    allow(patch, url)
    return connect(kind, Access("/srv/models.git", "acme/models", f"{url}/api/v3", lambda _, __: False))


@pytest.mark.parametrize("kind", TOKENS)
@pytest.mark.parametrize("behave", LATE)
def test_a_forge_that_comes_to_no_end_is_left(kind: str, behave: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with Slow(behave).running() as slow, budget.command():
        forge = reach(kind, f"http://{slow.place}", monkeypatch)
        began = time.monotonic()
        with pytest.raises(UserError) as caught:
            forge.find(BRANCH, "main")
        assert time.monotonic() - began < SECONDS + SLACK
        if behave not in ("in_circles", "accepted"):  # some clients do not go in circles, nor ask again
            assert "it did not answer in time: all requests of one command share 1 seconds" in caught.value.message
            assert caught.value.hint == (
                "run it again: finished work is not repeated; $ROLLOUT_SPEC_FORGE_SECONDS sets the time"
            )
        assert caught.value.status == OUTSIDE
        assert TOKEN not in caught.value.message


@pytest.mark.parametrize("kind", TOKENS)
@pytest.mark.parametrize("behave", LARGE)
def test_an_answer_without_end_is_not_kept(kind: str, behave: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(budget.VARIABLE, "20")
    with Slow(behave).running() as slow:
        forge = reach(kind, f"http://{slow.place}", monkeypatch)
        with pytest.raises(UserError, match="its answer is larger than 16 MiB") as caught:
            forge.find(BRANCH, "main")
        assert (caught.value.status, slow.requests) == (OUTSIDE, 1)


def test_a_handshake_that_does_not_end_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    with Slow("silence").running() as slow:
        forge = reach("github", f"https://{slow.place}", monkeypatch)
        began = time.monotonic()
        with pytest.raises(UserError, match="it did not answer in time"):
            forge.find(BRANCH, "main")
        assert time.monotonic() - began < SECONDS + SLACK


@pytest.mark.parametrize("kind", TOKENS)
def test_a_name_server_that_does_not_answer_is_left(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: time.sleep(30))
    forge = reach(kind, "https://git.example.com", monkeypatch)
    began = time.monotonic()
    with pytest.raises(UserError, match="it did not answer in time"):
        forge.find(BRANCH, "main")
    assert time.monotonic() - began < SECONDS + SLACK


def test_an_app_is_lent_a_token_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    as_app(tmp_path / "app.pem", monkeypatch)
    with Slow("body_by_bytes").running() as slow:
        began = time.monotonic()
        with pytest.raises(UserError, match="github did not issue a token for the App: it did not answer in time"):
            reach("github", f"http://{slow.place}", monkeypatch)
        assert time.monotonic() - began < SECONDS + SLACK


def test_what_is_late_is_not_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    with Slow("later").running() as slow, budget.command():
        forge = reach("gitea", f"http://{slow.place}", monkeypatch)
        monkeypatch.setattr("rollout_spec.integrations.forges.http._LONGEST_WAIT", 1.3)
        for _ in range(2):
            with pytest.raises(UserError, match="it did not answer in time"):
                forge.find(BRANCH, "main")
        time.sleep(1)
        assert slow.requests == 1


@pytest.mark.parametrize("text", ["0", "-1", "soon", "inf", "nan", "1e9"])
def test_a_time_that_is_none_is_told(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(budget.VARIABLE, text)
    forge = reach("gitea", "http://127.0.0.1:1", monkeypatch)
    with pytest.raises(UserError, match=r"\$ROLLOUT_SPEC_FORGE_SECONDS must be a number of seconds from 1 to 3600"):
        forge.find(BRANCH, "main")


def test_the_clock_runs_while_the_forge_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setenv(budget.VARIABLE, "10")
    with budget.command():
        for _ in range(3):
            with budget.spending() as spent, budget.spending() as again:
                now[0] += 3
                assert again is spent
            now[0] += 100
        assert spent.left == 1
        with budget.spending(), pytest.raises(budget.DeadlineError):
            now[0] += 1
            budget.check()
    with budget.command(), budget.spending() as other:
        assert other.left == 10


# A whole command


def test_a_process_does_not_wait_for_what_it_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repo = Repo.create(tmp_path)
    with Slow("body_by_bytes").running() as slow:
        words = f"{{type: gitea, repository: acme/models, baseUrl: http://{slow.place}}}"
        repo.edit(".rollout-spec.yaml", "  forge: {type: local} ", f"  forge: {words} ")
        repo.commit("Move to a forge")
        allow(monkeypatch, slow.place)
        command = [sys.executable, "-m", "rollout_spec", "--repo", str(repo.folder), "rollback", "fraud"]
        here = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
        done = subprocess.run(
            [*command, "--reason", "it is wrong"], env=here, capture_output=True, text=True, timeout=30
        )
    assert done.returncode == 3, done.stderr
    assert "gitea did not list pull requests: it did not answer in time" in done.stderr


@pytest.fixture(params=FAKES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Hosted]:
    repo = Repo.create(tmp_path)
    with hosted(request.param, repo.remote) as place:
        point_to(repo, place)
        yield place


def test_a_rollback_that_ran_out_of_time_is_found_and_ended_by_the_next(
    place: Hosted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each answer is in time by itself, and all together are not."""
    repo = Repo(tmp_path / "clone", tmp_path / "remote.git")
    real = place.host.answer

    def slowly(request: Request, user: str) -> Answer:
        time.sleep(0.4)
        return real(request, user)

    with monkeypatch.context() as patch:
        patch.setattr(place.host, "answer", slowly)
        answer = repo.breach("42")
        assert "it did not answer in time: all requests of one command share 1 seconds" in answer.err
        assert answer.status in (0, 3), "opened already, or not yet"
        assert len(place.host.asked) < 6
    monkeypatch.setenv(budget.VARIABLE, "60")
    answer = repo.breach("42")
    assert (answer.status, len(place.host.pulls), repo.branches()) == (0, 1, ["rollback/acme-models/fraud/42"])
