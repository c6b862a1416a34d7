"""The programs that a worker started, found by a mark in their environment."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_NAME = "ROLLOUT_SPEC_WORKER"
_PROC = Path("/proc")


def mark(text: str) -> None:
    """Mark all programs that this process starts from now on."""
    os.environ[_NAME] = text


def kill_marked(text: str) -> int:
    """Kill the programs with a mark, this process aside. Return their number.

    Git's network commands run in sessions of their own, so the end of a worker's process group does not end them.
    Systems without /proc leave them to their own time limits.
    """
    count = 0
    for _ in range(3):  # a program may start another one meanwhile
        found = list(_marked(f"{_NAME}={text}".encode()))
        for pid in found:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        count += len(found)
        if not found:
            break
    return count


def _marked(variable: bytes) -> Iterator[int]:
    for folder in _PROC.glob("[0-9]*"):
        with suppress(OSError):
            if int(folder.name) != os.getpid() and variable in (folder / "environ").read_bytes().split(b"\0"):
                yield int(folder.name)
