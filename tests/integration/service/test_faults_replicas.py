"""Two replicas on one PostgreSQL, each with its own mirror: one is killed in the middle, or both work at once."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import psycopg
import pytest
import served
from faults import acting, check_answered, post, serving, stopped_at
from hosted_repositories import Hosted
from postgres import Postgres
from repo import Repo
from served import Served

pytestmark = [pytest.mark.system, pytest.mark.real]


@contextmanager
def replica(repo: Repo, name: str, address: str) -> Iterator[Served]:
    """Run the service on a mirror of its own."""
    folder = repo.remote.parent / name
    shutil.copytree(served.mirror(repo), folder / "mirror.git")
    own = replace(repo, remote=folder / "remote.git")
    with serving(own, "--inbox", address) as running:
        yield running


def test_one_replica_is_killed_and_the_other_takes_over(repo: Repo, forge: Hosted, server: Postgres) -> None:
    address = server.fresh()
    with replica(repo, "one", address) as first, replica(repo, "two", address) as second:
        with stopped_at(forge.host, "after", "git-receive-pack ") as stop:
            id = post(first)
            stop.wait()
            is_first = _owner(address) in served.children(first.process.pid)
            killed, left = (first, second) if is_first else (second, first)
            killed.kill()
        check_answered(left, id, repo, forge)
        assert "taken over" in [each["name"] for each in left.breach(id)["steps"]]


def _owner(address: str) -> int:
    """Return the process that leased the only breach."""
    with psycopg.connect(address, client_encoding="utf8") as connection:
        (owner,) = connection.execute("SELECT owner FROM rollout_spec_breaches").fetchall()[0]
    return int(str(owner).split("-")[-2])


def test_both_replicas_get_all_alerts_at_once(repo: Repo, forge: Hosted, server: Postgres) -> None:
    address = server.fresh()
    with replica(repo, "one", address) as first, replica(repo, "two", address) as second:
        ids = set()
        for number in range(10):
            for running in (first, second):
                reply = running.post(acting(pod=f"pod-{number}"), acting())
                assert reply.status_code == 202, reply.text
                ids |= {each["id"] for each in reply.json()["breaches"]}
        assert len(ids) == 11
        for id in sorted(ids):
            second.settled(id, "watching", seconds=90)
        numbers = {first.breach(id)["outcome"]["pullRequest"]["number"] for id in ids}
        assert numbers == {1}
        check_answered(first, min(ids), repo, forge)
