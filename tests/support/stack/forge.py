"""A GitHub that merges once a required status succeeds, and keeps the time of each merge and request."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fakes.forge import Pull
from fakes.github import FakeGitHub
from fakes.host import Answer, Request
from fakes.statuses import CONTEXT
from hosted_repositories import Hosted, allow, let_in


class TimedGitHub(FakeGitHub):
    """A forge with the real time. ``opened_at`` and ``merged_times`` are in seconds, by number of pull request.

    ``latency`` is the time in seconds by which each request is delayed, of the API and of git.
    """

    def __init__(self, remote: Path, latency: float = 0.0) -> None:
        super().__init__(remote)
        self.latency = latency
        self.checks, self.required = "none", (CONTEXT,)
        self.opened_at: dict[int, float] = {}
        self.merged_times: dict[int, float] = {}

    def user(self, headers: dict[str, str]) -> str | None:
        time.sleep(self.latency)
        return super().user(headers)

    def answer(self, request: Request, user: str) -> Answer:
        self.now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return super().answer(request, user)

    def open(self, head: str, base: str, title: str, body: str, user: str, *, draft: bool = False) -> Pull:
        pull = super().open(head, base, title, body, user, draft=draft)
        self.opened_at[pull.number] = time.time()
        return pull

    def merge(self, pull: Pull, *, squash: bool = False, rebase: bool = False, forward: bool = False) -> str:
        merged = super().merge(pull, squash=squash, rebase=rebase, forward=forward)
        self.merged_times[pull.number] = time.time()
        return merged

    def merged_sha(self, number: int) -> str:
        """Return the commit that the merge of a pull request brought onto the base."""
        pull = self.pull(number)
        assert pull is not None and pull.merge_sha is not None
        return pull.merge_sha


@contextmanager
def forge_running(remote: Path, latency: float = 0.0) -> Iterator[tuple[TimedGitHub, Hosted]]:
    """Serve a bare repository over HTTP. The environment has the token for it."""
    host = TimedGitHub(remote, latency)
    with pytest.MonkeyPatch.context() as patch, host.running():
        for name in ("no_proxy", "NO_PROXY"):
            patch.setenv(name, "*")
        let_in(patch)
        allow(patch, host.url)
        yield host, Hosted("github", host)
