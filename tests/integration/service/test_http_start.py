"""The service refuses to start if it could not keep its promises, and ends cleanly on a signal."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import folders
import pytest
import requests
import served
from repo import Repo

pytestmark = pytest.mark.system
OPEN = "{alertmanager: {type: alertmanager}}"


def ended(repo: Repo | Path, *options: str, code: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the service until it ends by itself."""
    folder = repo if isinstance(repo, Path) else served.mirror(repo)
    program = (
        ["-c", f"{code}\nfrom rollout_spec.__main__ import run\nsys.exit(run())"] if code else ["-m", "rollout_spec"]
    )
    command = [sys.executable, *program, "--repo", str(folder), "serve", "--port", "0", *options]
    given = {**os.environ, "ALERTMANAGER_TOKEN": served.TOKEN, "PYTHONPATH": str(folders.CHECKOUT), **environment}
    done = subprocess.run(command, capture_output=True, text=True, env=given, timeout=60, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    return done


def test_no_monitor(repo: Repo) -> None:
    done = ended(repo)
    assert done.returncode == 2
    assert "no workspace on the base names a monitor" in done.stderr
    assert "help: add `service: {monitors:" in done.stderr


def test_settings_that_never_loaded(repo: Repo) -> None:
    served.mirror(repo)
    served.settings(repo, monitors="{alertmanager: {type: nonsense}}")
    done = ended(repo)
    assert done.returncode == 2
    assert "no workspace on the base names a monitor" in done.stderr or "does not load" in done.stderr


def test_not_a_repository(tmp_path: Path) -> None:
    done = ended(tmp_path)
    assert done.returncode == 2
    assert ".rollout-spec.yaml" in done.stderr


def test_an_open_monitor_on_an_open_address(repo: Repo) -> None:
    served.settings(repo, monitors=OPEN)
    for host in ("0.0.0.0", "::"):
        done = ended(repo, "--host", host)
        assert done.returncode == 2, done.stderr
        assert "has no `auth`" in done.stderr or "cannot listen on ::" in done.stderr, done.stderr


def test_an_open_monitor_that_appears_on_an_open_address(repo: Repo) -> None:
    served.settings(repo)
    with served.service(repo, "--host", "0.0.0.0", "--poll", "0.3") as running:
        running.address = running.address.replace("0.0.0.0", "127.0.0.1")
        served.settings(repo, monitors=served.MONITORS.replace("{alert", "{open: {type: alertmanager}, alert", 1))
        running.headers = {}
        reply = served.until(
            lambda: running.post(served.alert(), monitor="open"), lambda each: each.status_code in (401, 429)
        )
        assert "credentials" in reply.json()["error"]


def test_a_port_that_is_taken(repo: Repo) -> None:
    served.settings(repo)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = ended(repo, "--port", str(port))
    assert done.returncode == 3
    assert f"cannot listen on 127.0.0.1 port {port}: Address already in use" in done.stderr
    assert "--port" in done.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--host", "no-such-host.invalid"), "cannot listen on no-such-host.invalid: no such address"),
        (("--port", "70000"), "expected a port, 0 to 65535, not `70000`"),
        (("--port", "http"), "expected a port"),
        (("--poll", "0"), "expected a positive number"),
        (("--lease", "nan"), "expected a positive number"),
        (("--rate", "-1"), "expected a positive number"),
        (("--most-bytes", "1"), "expected a number of bytes"),
        (("--keep", "10s"), "expected at least a minute"),
        (("--keep", "forever"), "a duration has units"),
        (("--log", "xml"), "there is no `xml`"),
        (("--nonsense",), "unrecognized arguments"),
        (("--inbox", "nonsense"), "the address of the inbox is not valid"),
        (("--inbox", "mysql://localhost/inbox"), "inbox"),
        (("--inbox", "sqlite:////proc/inbox/inbox.sqlite3"), "inbox.sqlite3 cannot be created"),
        (("--inbox", "postgresql://user:a-secret-password@127.0.0.1:1/inbox"), "the inbox cannot be used"),
    ],
)
def test_wrong_options(shared: Repo, options: tuple[str, ...], message: str) -> None:
    done = ended(shared, *options)
    assert done.returncode in (2, 3), done.stderr
    assert message in done.stderr
    assert "a-secret-password" not in done.stderr


@pytest.mark.parametrize("library", ["fastapi", "sqlalchemy", "uvicorn", "prometheus_client"])
def test_a_missing_library(shared: Repo, library: str) -> None:
    done = ended(shared, code=f"import sys\nsys.modules['{library}'] = None")
    assert done.returncode == 2
    assert f"`serve` needs the library {library}" in done.stderr
    assert "pip install 'rollout-spec[serve]'" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_it_cleanly(repo: Repo, number: signal.Signals) -> None:
    served.settings(repo)
    running = served.start(repo)
    workers = served.children(running.process.pid)
    requests.get(f"{running.address}/healthz", timeout=30)
    running.process.send_signal(number)
    assert running.process.wait(30) == 0, running.lines
    assert not running.traceback, running.traceback
    assert running.lines.splitlines()[-1].endswith("info stopped")
    served.until(lambda: [pid for pid in workers if is_alive(pid)], lambda alive: not alive, 5)


def is_alive(pid: int) -> bool:
    """Return whether a process runs. One that waits for somebody to take its status does not."""
    try:
        return ") Z" not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
