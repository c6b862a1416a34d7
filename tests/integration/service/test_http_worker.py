"""Posts are stored while the worker does nothing."""

from __future__ import annotations

import os
import signal

import pytest
import requests
import served
from repo import Repo

pytestmark = pytest.mark.system


def test_a_worker_that_does_not_listen_holds_no_post_up(repo: Repo) -> None:
    served.settings(repo)
    with served.service(repo) as running, requests.Session() as session:
        stopped = served.children(running.process.pid)
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        try:
            for number in range(700):
                body = served.payload(served.alert(number=str(number)))
                address = f"{running.address}/v1/breaches/alertmanager?dryRun=true"
                assert session.post(address, body, headers=running.headers, timeout=10).status_code == 202
            assert session.get(f"{running.address}/healthz", timeout=10).status_code == 200
        finally:
            for pid in stopped:
                os.kill(pid, signal.SIGCONT)
