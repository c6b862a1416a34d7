"""The child's side: reads requests, answers in JSON, and has no other file open.

Requests are pickled, and only the parent writes them. Answers are never pickled, because the code that runs here is not
trusted.
"""

from __future__ import annotations

import fcntl
import gc
import json
import os
import pickle
import resource
import signal
import struct
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from rollout_spec.core.bounded_process.budget import OutOfTimeError
from rollout_spec.core.errors import UserError

_LONGEST_TEXT = 4000
_HEADER = struct.Struct("!dQ")
"""The seconds that a request may take, and its size."""
_FIRST = 10  # above the numbers of the descriptors that are assigned below


def serve(requests: int, answers: int, memory: int, module: str) -> NoReturn:
    """Answer requests until there are no more.

    ``memory`` is the number of bytes that may be used in addition. ``requests`` and ``answers`` are descriptors. The
    import of ``module`` and its function ``prepare`` are not limited.
    """
    status = 1
    try:
        source, sink = _descriptors(requests, answers)
        try:
            os.setsid()
            signal.signal(signal.SIGALRM, _out_of_time)
            getattr(import_module(module), "prepare", int)()
            _limit(memory)
        except Exception as error:
            _write(sink, {"failed": f"{type(error).__name__}: {error}"})
            raise
        gc.enable()
        _write(sink, {"ready": True})
        while header := source.read(_HEADER.size):
            seconds, size = _HEADER.unpack(header)
            _answer(source.read(size), seconds, sink)
        status = 0
    finally:
        os._exit(status)  # skip the exit handlers of the parent


def _descriptors(requests: int, answers: int) -> tuple[BinaryIO, BinaryIO]:
    """Close all descriptors except the two pipes, and discard standard output and error."""
    gc.freeze()  # freeing inherited objects may close resources that the parent uses
    source, sink = (fcntl.fcntl(descriptor, fcntl.F_DUPFD, _FIRST) for descriptor in (requests, answers))
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(nowhere, number)
    os.dup2(source, 3)
    os.dup2(sink, 4)
    os.closerange(5, max(resource.getrlimit(resource.RLIMIT_NOFILE)[0], source + 1, sink + 1))
    return os.fdopen(3, "rb"), os.fdopen(4, "wb")


def _limit(memory: int) -> None:
    sys.dont_write_bytecode = True
    if sys.platform == "linux":
        size = int(Path("/proc/self/statm").read_bytes().split()[0]) * resource.getpagesize()
        _set(resource.RLIMIT_AS, size + memory)
    for kind in (resource.RLIMIT_CORE, resource.RLIMIT_FSIZE, resource.RLIMIT_NPROC):
        _set(kind, 0)
    _set(resource.RLIMIT_NOFILE, 32)


def _set(kind: int, most: int, *, hard: bool = True) -> None:
    current = resource.getrlimit(kind)[1]
    value = most if current == resource.RLIM_INFINITY else min(most, current)
    resource.setrlimit(kind, (value, value if hard else current))


def _answer(request: bytes, seconds: float, sink: BinaryIO) -> None:
    """Send each value that the function of a request yields, then that it ended or why it was stopped."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _set(resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime + seconds) + 2, hard=False)
    deadline = time.monotonic() + seconds
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        task, payload = pickle.loads(request)  # noqa: S301
        for answer in _function(task)(payload):
            if time.monotonic() >= deadline:  # the function may have caught the alarm
                raise OutOfTimeError
            _write(sink, {"is": answer})
        end: dict[str, Any] = {"end": True}
    except Exception as error:
        end = _ended(error, is_late=time.monotonic() >= deadline)
    signal.setitimer(signal.ITIMER_REAL, 0)
    _write(sink, end)


def _ended(error: Exception, *, is_late: bool) -> dict[str, Any]:
    """Return the message for a request that was stopped.

    ``is_late``: its time is over, whatever the error is.
    """
    if is_late or isinstance(error, OutOfTimeError):
        return {"stopped": "time", "at": _noted(error)}
    if isinstance(error, MemoryError):
        return {"stopped": "memory", "at": _noted(error)}
    if isinstance(error, RecursionError):
        return {"stopped": "crash", "why": "this is nested too deep"}
    if isinstance(error, UserError):
        return {"user": [error.message[:_LONGEST_TEXT], error.hint, error.status]}
    return {"stopped": "crash", "why": f"this failed: {type(error).__name__}: {error}"[:_LONGEST_TEXT]}


def _function(task: str) -> Any:
    module, _, name = task.partition(":")
    return getattr(import_module(module), name)


def _noted(error: BaseException) -> str | None:
    """Return the file and line that a caller noted on an error, or None."""
    return next(iter(getattr(error, "__notes__", ())), None)


def _out_of_time(*_: object) -> None:
    raise OutOfTimeError


def _write(sink: BinaryIO, answer: dict[str, Any]) -> None:
    data = json.dumps(answer).encode()
    sink.write(len(data).to_bytes(4, "big") + data)
    sink.flush()
