"""Replays against a real model server, and their figures computed from the logs alone."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import requests
from repo import Repo, Result, run
from stack.programs import running

SERVER = Path(__file__).with_name("replay_server.py")
FAILED, RESTORED = "42", "41"
Numbers = Any
"""An array of numpy, one entry for each row."""


@dataclass(frozen=True)
class Replaying:
    """A running server, the folder of its logs, and the repository of a test."""

    folder: Path
    address: str
    repo: Repo | None = None

    def within(self, repo: Repo) -> Replaying:
        """Return the server for the repository of a test."""
        return replace(self, repo=repo)

    def control(self, faults: Mapping[str, str] | None = None, delay: float = 0.0) -> None:
        """Set the faults by request id, and the delay of all. Forget the requests that were counted."""
        order = {"faults": faults or {}, "delay": delay}
        requests.post(f"{self.address}/control", json=order, timeout=30).raise_for_status()

    def asked(self) -> dict[str, int]:
        """Return how often each request was received."""
        counts: dict[str, int] = requests.get(self.address, timeout=30).json()["asked"]
        return counts

    def log(self, name: str) -> Path:
        """Return the log of a model."""
        return self.folder / f"{name}.jsonl"

    def words(self, name: str, *more: str) -> list[str]:
        """Return the arguments of a quick replay of a model's log."""
        assert self.repo is not None
        words = ["--repo", str(self.repo.folder), "replay", "fraud", "--model", name, "--against", self.address]
        words += ["--rate", "5000", "--limit", "5000"]
        if "--log" not in more:
            words += ["--log", str(self.log(name))]
        if "--incident" not in more:
            words += ["--failed", FAILED, "--restored", RESTORED]
        return [*words, *more]

    def run(self, name: str, *more: str) -> Result:
        """Replay in this process."""
        return run(*self.words(name, *more))

    def report(self, name: str, *more: str) -> dict[str, Any]:
        """Replay in this process, and return the report."""
        done = self.run(name, "--format", "json", *more)
        assert done.status == 0, done.text
        report: dict[str, Any] = json.loads(done.out)
        return report

    def start(self, name: str, *more: str) -> subprocess.Popen[str]:
        """Start a replay in a process of its own."""
        command = [sys.executable, "-m", "rollout_spec", *self.words(name, *more)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@dataclass(frozen=True)
class Logged:
    """The logged rows of a model. The restored version's log has the answers that a replay must give."""

    records: tuple[dict[str, Any], ...]

    @classmethod
    def read(cls, path: Path, keep: Callable[[str], bool] = lambda request_id: True) -> Logged:
        """Read a log, with the requests whose id is kept."""
        lines = map(json.loads, path.read_text("utf-8").splitlines())
        return cls(tuple(line for line in lines if keep(line["request_id"])))

    def ids(self, version: str) -> list[str]:
        """Return the ids of a version's requests."""
        return [record["request_id"] for record in self.records if record["version"] == version]

    @cached_property
    def answers(self) -> tuple[Numbers, Numbers, Numbers]:
        """The logged and the expected replayed answers of the failed version's requests, and their labels."""
        restored = {record["request_id"].split("-")[-1]: record for record in self.records if record["version"] == "41"}
        failed = [record for record in self.records if record["version"] == FAILED]
        pairs = [(record, restored[record["request_id"].split("-")[-1]]) for record in failed]
        logged, replayed = (np.concatenate([pair[side]["outputs"][0]["data"] for pair in pairs]) for side in (0, 1))
        return logged, replayed, np.concatenate([record["label"] for record, _ in pairs])


def measures(report: dict[str, Any], segment: str | None = None) -> dict[str, dict[str, Any]]:
    """Return the measures of the only output of a report by name."""
    (output,) = (each for each in report["outputs"] if each["segment"] == segment)
    return {each["name"]: each for each in output["measures"]}


@contextmanager
def server_running(folder: Path) -> Iterator[Replaying]:
    """Train the models, write their logs, and serve the restored version until the end of the block."""
    port = folder / "port"
    environment = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, SERVER, folder]
    with running("the model server", command, folder / "server.log", port.exists, environment):
        yield Replaying(folder, f"http://127.0.0.1:{port.read_text()}")
