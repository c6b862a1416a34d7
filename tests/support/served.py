"""The service as a program of its own, on a mirror of a throw-away repository, and what monitors and people ask it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import folders
import requests
from repo import Repo, run

MONITORS = "{alertmanager: {type: alertmanager, auth: {bearer: {env: ALERTMANAGER_TOKEN}}}}"
TOKEN = "a-token-of-alertmanager"
_READY = re.compile(r"listening on http://([0-9.]+):([0-9]+)")


def settings(repo: Repo, *lines: str, mode: str = "auto-merge", monitors: str = MONITORS) -> None:
    """Set the service and the automation of the workspace on the base."""
    text = repo.at("HEAD", ".rollout-spec.yaml")
    start = re.split(r"^  (?:service|automation):", text, flags=re.MULTILINE)[0]
    automation = "".join(f"    {each}\n" for each in (f"mode: {mode}", "cooldown: 0s", *lines))
    repo.write(".rollout-spec.yaml", f"{start}  service:\n    monitors: {monitors}\n  automation:\n{automation}")
    repo.commit("Set the service up")


def now_text() -> str:
    """Return the present time as Alertmanager writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def alert(version: str = "42", rollout: str = "fraud", started: str = "", **labels: Any) -> dict[str, Any]:
    """Return one firing alert."""
    names = {"rollout": rollout, "version": version, "trigger": "serving-errors", "workspace": "acme-models", **labels}
    return {
        "status": "firing",
        "labels": {name: value for name, value in names.items() if value is not None},
        "annotations": {"summary": f"{rollout} {version}: error_rate above 5%", "value": "0.081"},
        "startsAt": started or now_text(),
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus.example.com:9090/graph",
        "fingerprint": f"{abs(hash((rollout, version, str(labels)))):016x}"[:16],
    }


def payload(*alerts: Mapping[str, Any], **fields: Any) -> bytes:
    """Return a payload of Alertmanager."""
    return json.dumps({"version": "4", "status": "firing", "alerts": alerts, **fields}).encode()


@dataclass
class Served:
    """A running service. ``address`` is its URL."""

    process: subprocess.Popen[str]
    address: str
    log: Path
    headers: dict[str, str] = field(default_factory=lambda: {"Authorization": f"Bearer {TOKEN}"})

    def post(self, *alerts: Mapping[str, Any], monitor: str = "alertmanager", query: str = "") -> requests.Response:
        """Post alerts as Alertmanager does."""
        return self.send(payload(*alerts), monitor=monitor, query=query)

    def send(
        self, content: bytes, *, monitor: str = "alertmanager", query: str = "", **headers: str
    ) -> requests.Response:
        """Post a body."""
        address = f"{self.address}/v1/breaches/{monitor}{query}"
        sent = {"Content-Type": "application/json", **self.headers, **headers}
        return requests.post(address, content, headers=sent, timeout=30)

    def works(self) -> bool:
        """Return whether all parts can be used, and the worker has given a sign of life."""
        is_up = "rollout_spec_worker_up 1.0" in self.get("/metrics").text
        return is_up and self.get("/readyz").status_code == 200

    def get(self, path: str) -> requests.Response:
        return requests.get(f"{self.address}{path}", headers=self.headers, timeout=30)

    def breach(self, id: str) -> dict[str, Any]:
        answer = self.get(f"/v1/breaches/{id}")
        assert answer.status_code == 200, answer.text
        data: dict[str, Any] = answer.json()
        return data

    def settled(self, id: str, *states: str, seconds: float = 30) -> dict[str, Any]:
        """Return a breach once it is in one of some states."""
        wanted = states or ("done", "refused", "failed")
        return until(lambda: self.breach(id), lambda each: each["state"] in wanted, seconds)

    def answered(self, *alerts: Mapping[str, Any]) -> dict[str, Any]:
        """Post alerts, and return the first breach once it has its answer."""
        reply = self.post(*alerts)
        assert reply.status_code == 202, reply.text
        return self.settled(reply.json()["breaches"][0]["id"], "done", "refused", "failed", "watching")

    def kill(self) -> None:
        """Kill the service and its worker at once."""
        for child in children(self.process.pid):
            kill(child)
        kill(self.process.pid)
        self.process.wait()

    @property
    def lines(self) -> str:
        return self.log.read_text("utf-8")

    @property
    def traceback(self) -> str:
        """The first traceback of the log and what follows it, or nothing."""
        _, found, text = self.lines.partition("Traceback")
        return found + text[:6000]


def until(ask: Callable[[], Any], fits: Callable[[Any], bool], seconds: float = 30) -> Any:
    """Ask until an answer fits, and return it; fail with the last one."""
    end = time.monotonic() + seconds
    while True:
        answer = ask()
        if fits(answer):
            return answer
        assert time.monotonic() < end, answer
        time.sleep(0.05)


def children(pid: int) -> list[int]:
    """Return the processes that a process started, and theirs."""
    found = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False).stdout.split()
    return [int(each) for each in found] + [child for each in found for child in children(int(each))]


def kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def mirror(repo: Repo) -> Path:
    """Return a mirror of the remote, beside it."""
    folder = repo.remote.parent / "mirror.git"
    if not folder.exists():
        assert run("--repo", str(repo.workspace), "mirror", str(folder)).status == 0
    return folder


@contextmanager
def service(repo: Repo, *options: str, environment: Mapping[str, str] | None = None) -> Iterator[Served]:
    """Run the service on a mirror of a repository, at a free port."""
    served = start(repo, options, environment)
    try:
        yield served
    finally:
        served.process.terminate()
        try:
            served.process.wait(30)
        except subprocess.TimeoutExpired:
            served.kill()


def start(repo: Repo, options: Sequence[str] = (), environment: Mapping[str, str] | None = None) -> Served:
    """Start the service, and return it once it listens."""
    log = repo.remote.parent / f"serve-{time.monotonic_ns()}.log"
    command = [sys.executable, "-m", "rollout_spec", "--repo", str(mirror(repo)), "serve", "--port", "0", *options]
    given = {**os.environ, "ALERTMANAGER_TOKEN": TOKEN, "PYTHONPATH": str(folders.CHECKOUT), **(environment or {})}
    with log.open("w") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file, text=True, env=given)
    end = time.monotonic() + 30
    while True:
        found = _READY.search(log.read_text("utf-8"))
        if found:
            return Served(process, f"http://{found[1]}:{found[2]}", log)
        assert process.poll() is None and time.monotonic() < end, log.read_text("utf-8")
        time.sleep(0.05)
