"""Programs of the stack: each is started with a log, waited for, and ended with all that it started."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import requests

SECONDS = 60.0
"""How long a part may take to start, or to follow. The machine may be busy."""


@contextmanager
def running(
    name: str,
    command: Sequence[object],
    log: Path,
    is_ready: Callable[[], bool],
    environment: Mapping[str, str] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program in a group of its own until the end of the block. The log is shown if it does not start."""
    leash = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []  # it ends if this process is killed
    with log.open("wb") as file:
        process = subprocess.Popen(
            [*leash, *map(str, command)],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )
    try:
        end = time.monotonic() + SECONDS
        while not is_ready():
            if process.poll() is not None or time.monotonic() > end:
                pytest.fail(f"{name} does not start:\n{tail(log)}", pytrace=False)
            time.sleep(0.02)
        yield process
        assert process.poll() is None, f"{name} has ended:\n{tail(log)}"
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(5)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def tail(log: Path) -> str:
    """Return the end of a log."""
    return log.read_text("utf-8", errors="replace")[-3000:]


def answers(url: str) -> bool:
    """Return whether a server answers a request with success."""
    with suppress(requests.RequestException):
        return requests.get(url, timeout=5).ok
    return False


def wait_until(holds: Callable[[], bool], otherwise: str, seconds: float = SECONDS) -> float:
    """Wait for a condition, and return the time at which it was first seen to hold. Fail after some seconds."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            pytest.fail(f"{otherwise} after {seconds:.0f} s")
        time.sleep(0.01)
    return time.time()
