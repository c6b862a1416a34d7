"""The parent's side: one child process, started at the first request and restarted if it dies."""

from __future__ import annotations

import atexit
import json
import os
import pickle
import struct
import threading
import time
from hashlib import sha256
from typing import Any

from rollout_spec.core.bounded_process.budget import Limit, ProcessBudget, StoppedError
from rollout_spec.core.bounded_process.process import DiedError, LateError, Process, SwollenError
from rollout_spec.core.errors import UserError

MOST_ANSWERS = 16 * 1024**2
"""The most bytes of all answers to one request."""
_START = 60.0  # the most seconds for the start of a process
_GRACE = 0.5  # seconds in which a process can report that its time is over, and the current line
_LONG = 0.25  # seconds after which the elapsed time of a request counts instead of its processor time

_lock = threading.Lock()
_worker: _Worker | None = None
_has_started = False


def ask(task: str, payload: Any, count: int, about: str, budget: ProcessBudget, share: float = 1.0) -> list[Any]:
    """Return the values that the function ``task`` yields; see ``bounded_process.ask``."""
    request = pickle.dumps((task, payload))
    key = sha256(request).digest()
    with _lock:
        answers = budget.known(key)
        if answers is None:
            try:
                answers, size = _asked(task.partition(":")[0], request, count, about, budget, share)
            except StoppedError as stopped:
                budget.keep(key, 0, stopped)
                raise
            budget.keep(key, len(request) + size, answers)
        return answers


def _asked(
    module: str, request: bytes, count: int, about: str, budget: ProcessBudget, share: float
) -> tuple[list[Any], int]:
    """Return the answers and their size.

    Retry once in a new process: an earlier request may have damaged the old.
    """
    while True:
        seconds = budget.left(about) - (1 - share) * budget.seconds
        if seconds <= 0:
            raise budget.used_up()
        worker = _running(module, budget)
        begin, is_new = time.monotonic(), not worker.has_served
        worked, took = worker.process.worked(), None
        try:
            answers = worker.ask(request, count, seconds, budget)
            took = _took(begin, worked, worker)
            return answers
        except StoppedError as stopped:
            _drop()
            if is_new or stopped.limit == "time":
                raise
        except UserError:
            raise
        except BaseException:
            _drop()  # the process is still working on the request
            raise
        finally:
            budget.spend(time.monotonic() - begin if took is None else took)


def _took(begin: float, worked: float | None, worker: _Worker) -> float:
    """Return the seconds to count for a request. Thousands of short ones must not fail on a busy machine."""
    took, now = time.monotonic() - begin, worker.process.worked()
    return took if worked is None or now is None or took > _LONG else now - worked


def stop() -> None:
    """End the process if it runs."""
    with _lock:
        _drop()


def _running(module: str, budget: ProcessBudget) -> _Worker:
    global _worker, _has_started
    if _worker is not None and _worker.process.memory != budget.memory:
        _drop()
    if _worker is None:
        begin = time.monotonic()
        _worker = _Worker(module, budget.memory)
        if _has_started:  # only a restart is caused by a template
            budget.spend(time.monotonic() - begin)
        _has_started = True
    return _worker


def _drop() -> None:
    global _worker
    if _worker is not None:
        dropped, _worker = _worker, None
        dropped.process.end()


def _forget() -> None:
    """Close the pipes in a fork: the process belongs to the parent."""
    global _worker, _lock, _has_started
    if _worker is not None:
        _worker.process.close()
    _worker, _lock, _has_started = None, threading.Lock(), False


atexit.register(stop)
os.register_at_fork(after_in_child=_forget)


class _Worker:
    """A child process that answers requests in JSON."""

    def __init__(self, module: str, memory: int) -> None:
        self.has_served = False
        try:
            self.process = Process(module, memory)
        except OSError as error:
            raise _unavailable(error.strerror or str(error)) from None
        try:
            ready, _ = self._receive(time.monotonic() + _START, 1024**2)
        except (DiedError, LateError, SwollenError):
            self.process.end()
            raise _unavailable("it ended before it was ready") from None
        if "ready" not in ready:
            self.process.end()
            raise _unavailable(str(ready.get("failed"))[:1000])

    def ask(self, request: bytes, count: int, seconds: float, budget: ProcessBudget) -> tuple[list[Any], int]:
        """Return the answers to one request and their size. Raises ``StoppedError``."""
        self.has_served = True
        deadline = time.monotonic() + seconds + _GRACE
        answers: list[Any] = []
        room = MOST_ANSWERS
        try:
            self.process.send(struct.pack("!dQ", seconds, len(request)) + request, deadline)
            while True:
                answer, size = self._receive(deadline, room)
                if "is" not in answer:
                    _raise_unless_ended(answer, budget)
                    if len(answers) != count:
                        raise DiedError
                    return answers, MOST_ANSWERS - room
                answers.append(answer["is"])
                room -= size
        except StoppedError as stopped:
            stopped.answers = answers
            raise
        except LateError:
            raise StoppedError("time", budget.too_long(), answers) from None
        except SwollenError:
            raise StoppedError("memory", budget.too_much_memory(), answers) from None
        except DiedError:
            limit: Limit = "crash" if time.monotonic() < deadline - _GRACE else "time"
            why = f"{budget.too_much_memory()}, or is nested too deep" if limit == "crash" else budget.too_long()
            raise StoppedError(limit, why, answers) from None

    def _receive(self, deadline: float, room: int) -> tuple[dict[str, Any], int]:
        size = int.from_bytes(self.process.receive(4, deadline), "big")
        if size > room:
            raise StoppedError("size", f"this gives more than {MOST_ANSWERS // 1024**2} MiB")
        try:
            answer = json.loads(self.process.receive(size, deadline))
        except (ValueError, RecursionError):
            raise DiedError from None
        if not isinstance(answer, dict):
            raise DiedError
        return answer, size


def _raise_unless_ended(last: dict[str, Any], budget: ProcessBudget) -> None:
    """Raise the error that the last answer to a request reports, if any."""
    if "end" in last:
        return
    if "user" in last:
        message, hint, status = last["user"]
        raise UserError(str(message), hint=hint, status=int(status))
    limit: Limit = last["stopped"] if last.get("stopped") in ("memory", "time") else "crash"
    messages = {"memory": budget.too_much_memory(), "time": budget.too_long(), "crash": str(last.get("why"))}
    place = last.get("at")
    raise StoppedError(limit, messages[limit], place=place if isinstance(place, str) else None)


def _unavailable(why: str) -> UserError:
    return UserError(
        f"no process can be started for the templates, policies and contracts of this workspace: {why}",
        hint="they run in a separate process with limits; allow one more process on this machine",
    )
