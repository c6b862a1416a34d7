"""An inbox that is locked, full, removed or stopped, and comes back: nothing that was accepted is lost."""

from __future__ import annotations

import os
import shutil
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import served
from faults import acting, check_answered, check_one_rollback, locked, post, serving, stopped_at, worker_of
from hosted_repositories import Hosted
from postgres import Postgres, postgresql
from repo import Repo
from small_disks import fill, small_disk

pytestmark = pytest.mark.system


def inbox_of(repo: Repo) -> Path:
    return served.mirror(repo) / "rollout-spec/inbox.sqlite3"


def check_refused(running: served.Served) -> None:
    """Check that a post is rejected so that its monitor sends it again, and that the service says why."""
    reply = running.post(acting())
    assert (reply.status_code, reply.headers.get("Retry-After")) == (503, "5"), reply.text
    assert reply.json()["error"].startswith("the inbox cannot be used: ")


def test_another_process_locks_the_inbox(repo: Repo, forge: Hosted) -> None:
    with serving(repo) as running:
        with locked(inbox_of(repo)):
            check_refused(running)
            assert running.get("/readyz").status_code == 200, "it can be read"
        check_answered(running, post(running), repo, forge)


def test_the_inbox_is_removed_and_comes_back(repo: Repo, forge: Hosted) -> None:
    with serving(repo) as running:
        with stopped_at(forge.host, "before", "pulls ") as stop:
            id = post(running)
            stop.wait()
            file, aside = inbox_of(repo), repo.remote.parent / "aside.sqlite3"
            file.rename(aside)
            check_refused(running)
            assert "inbox" in running.get("/readyz").json()["problems"]
            assert not file.exists()
            stop.drop()
            check_one_rollback(repo, forge)
            aside.rename(file)
        assert running.get("/readyz").status_code == 200
        check_answered(running, id, repo, forge)


def test_the_inbox_is_replaced_by_something_else(repo: Repo, forge: Hosted) -> None:
    with serving(repo) as running:
        file, aside = inbox_of(repo), repo.remote.parent / "aside.sqlite3"
        file.rename(aside)
        file.mkdir()
        check_refused(running)
        file.rmdir()
        aside.rename(file)
        check_answered(running, post(running), repo, forge)


def test_the_disk_of_the_inbox_is_full(repo: Repo, forge: Hosted, tmp_path: Path) -> None:
    address = f"sqlite:///{tmp_path}/disk/inbox.sqlite3"
    with small_disk(tmp_path / "disk", "1m") as disk, serving(repo, "--inbox", address) as running:
        filler = fill(disk, 0)
        statuses = set()
        for number in range(300):  # what is free in its files is used up first
            statuses.add(running.post(acting("43", fill=f"{number}" * 400)).status_code)
            if 503 in statuses:
                break
        assert 503 in statuses and statuses <= {202, 503}
        check_refused(running)
        filler.unlink()
        check_answered(running, post(running), repo, forge)


def test_the_disk_of_git_is_full(repo: Repo, forge: Hosted, tmp_path: Path) -> None:
    """Fill the disk of the mirror. The inbox is on another one."""
    mirror = served.mirror(repo)
    with small_disk(tmp_path / "disk", "16m") as disk:
        shutil.move(mirror, disk / "mirror.git")
        mirror.symlink_to(disk / "mirror.git")
        with serving(repo, "--inbox", f"sqlite:///{tmp_path}/inbox.sqlite3") as running:
            filler = fill(disk, 0)
            id = post(running)
            served.until(lambda: running.breach(id), lambda row: "error" in row["outcome"], 60)
            assert forge.host.pulls == []
            filler.unlink()
            check_answered(running, id, repo, forge)


@pytest.mark.real
@pytest.mark.parametrize("mode", ["immediate", "fast"])
def test_postgresql_is_stopped_while_a_breach_is_answered(mode: str, repo: Repo, forge: Hosted) -> None:
    with postgresql() as server, serving(repo, "--inbox", server.url) as running:
        with stopped_at(forge.host, "before", "POST .*pulls ") as stop:
            id = post(running)
            stop.wait()
            server.stop(mode)
            check_refused(running)
            stop.drop()
            check_one_rollback(repo, forge)
            time.sleep(1)
            server.start()
        check_answered(running, id, repo, forge)


@pytest.mark.real
def test_postgresql_is_frozen_for_a_while(repo: Repo, forge: Hosted) -> None:
    """Inject a server that accepts connections but answers nothing."""
    with postgresql() as server, serving(repo, "--inbox", server.url) as running:
        processes = _processes(server)
        for pid in processes:
            os.kill(pid, signal.SIGSTOP)
        try:
            posted = ThreadPoolExecutor(60)
            posts = [posted.submit(_timed, running, number) for number in range(60)]
            assert running.get("/readyz").json()["problems"]["inbox"]
            assert running.get("/healthz").status_code == 200
            start = time.monotonic()
            metrics = [running.get("/metrics") for _ in range(3)]
            assert [each.status_code for each in metrics] == [200] * 3 and time.monotonic() - start < 18
            assert "unfinished_breaches" not in metrics[-1].text
            answers = [each.result() for each in posts]
            assert {status for status, _, _ in answers} == {503}
            assert {wait for _, wait, _ in answers} == {"5"}
            assert max(seconds for _, _, seconds in answers) < 13
        finally:
            for pid in processes:
                os.kill(pid, signal.SIGCONT)
        assert worker_of(running)
        check_answered(running, post(running), repo, forge)


def _timed(running: served.Served, number: int) -> tuple[int, str | None, float]:
    """Post an alert. Return the status, the time after which to send it again, and the seconds that it took."""
    start = time.monotonic()
    reply = running.post(acting("43", number=str(number)))
    return reply.status_code, reply.headers.get("Retry-After"), time.monotonic() - start


def _processes(server: Postgres) -> list[int]:
    leader = int((server.folder / "data/postmaster.pid").read_text().split()[0])
    return [leader, *served.children(leader)]
