"""What tests have a confined process do: each function yields plain data, or goes wrong in a way of its own."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rollout_spec.core.errors import UserError

_KEPT: list[bytearray] = []


def echo(payload: Any) -> Iterator[Any]:
    yield from payload


def process(_: Any) -> Iterator[int]:
    yield os.getpid()


def keep(megabytes: int) -> Iterator[int]:
    """Take memory and keep it, as caches do."""
    _KEPT.append(bytearray(megabytes * 1024**2))
    yield len(_KEPT)


def grow(_: Any) -> Iterator[int]:
    """Take memory bit by bit, also where none is limited; not for ever."""
    for number in range(200):
        _KEPT.append(bytearray(5 * 1024**2))
        time.sleep(0.02)
        yield number


def spin(_: Any) -> Iterator[int]:
    yield 1
    while True:
        pass


def sleep(_: Any) -> Iterator[int]:
    """Wait in a way that no alarm ends."""
    signal.signal(signal.SIGALRM, signal.SIG_IGN)
    time.sleep(60)
    yield 1


def die(_: Any) -> Iterator[int]:
    yield 1
    os.kill(os.getpid(), signal.SIGSEGV)


def fail(_: Any) -> Iterator[int]:
    yield 1
    raise LookupError("there is no such thing")


def recurse(_: Any) -> Iterator[int]:
    yield from recurse(_)


def much(megabytes: int) -> Iterator[str]:
    for _ in range(megabytes):
        yield "x" * 1024**2


def babble(data: bytes) -> Iterator[int]:
    """Write what is no answer."""
    os.write(4, data)
    yield 1


def few(_: Any) -> Iterator[int]:
    yield 1


def reach(folder: str) -> Iterator[str]:
    """Try what no template may do, even if it broke out of its sandbox; give what worked, and what is open."""
    descriptors = sorted(each.name for each in Path("/dev/fd").iterdir())
    try:
        Path(folder, "made").write_text("x")
        yield "wrote"
    except OSError:
        yield "no file"
    try:
        for number in range(100):
            os.dup(number % 3)
        yield "many files"
    except OSError:
        yield "few files"
    yield " ".join(descriptors)


def swallow(_: Any) -> Iterator[int]:
    """Go on as if the alarm had been nothing."""
    yield 1
    try:
        while True:
            pass
    except Exception:
        yield 2


def turn(_: Any) -> Iterator[int]:
    """Make something else of the alarm that says that the time is up, as libraries do."""
    yield 1
    try:
        while True:
            pass
    except Exception as error:
        raise UserError("no such library") from error
