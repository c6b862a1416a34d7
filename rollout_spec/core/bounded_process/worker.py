"""The one process that works on templates, policies and contracts: started when first asked, and anew when it died."""

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

from rollout_spec.core.bounded_process.budget import Limit, ProcessBudget, Stopped
from rollout_spec.core.bounded_process.process import DiedError, LateError, Process, SwollenError
from rollout_spec.core.errors import UserError

MOST_ANSWERS = 16 * 1024**2
"""The bytes of all answers to one request."""
_START = 60.0  # seconds that a process may take to start
_GRACE = 0.5  # seconds in which a process says itself that its time was up, and where it was
_LONG = 0.25  # seconds after which the time of a request counts, and not only that of the processor

_lock = threading.Lock()
_worker: _Worker | None = None
_has_started = False


def ask(task: str, payload: Any, count: int, about: str, budget: ProcessBudget, share: float = 1.0) -> list[Any]:
    """Return what the function ``task`` yields; see ``confined.ask``."""
    request = pickle.dumps((task, payload))
    key = sha256(request).digest()
    with _lock:
        answers = budget.known(key)
        if answers is None:
            try:
                answers, size = _asked(task.partition(":")[0], request, count, about, budget, share)
            except Stopped as stopped:
                budget.keep(key, 0, stopped)
                raise
            budget.keep(key, len(request) + size, answers)
        return answers


def _asked(
    module: str, request: bytes, count: int, about: str, budget: ProcessBudget, share: float
) -> tuple[list[Any], int]:
    """Return the answers, and their size; a process that may have died of an earlier request is replaced by a new."""
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
        except Stopped as stopped:
            _drop()
            if is_new or stopped.limit == "time":
                raise
        except UserError:
            raise
        except BaseException:
            _drop()  # it is in the midst of a request
            raise
        finally:
            budget.spend(time.monotonic() - begin if took is None else took)


def _took(begin: float, worked: float | None, worker: _Worker) -> float:
    """Return the time to count for a request: thousands of short ones shall not fail on a machine that is busy."""
    took, now = time.monotonic() - begin, worker.process.worked()
    return took if worked is None or now is None or took > _LONG else now - worked


def stop() -> None:
    """End the process, if there is one."""
    with _lock:
        _drop()


def _running(module: str, budget: ProcessBudget) -> _Worker:
    global _worker, _has_started
    if _worker is not None and _worker.process.memory != budget.memory:
        _drop()
    if _worker is None:
        begin = time.monotonic()
        _worker = _Worker(module, budget.memory)
        if _has_started:  # the first start is no template's fault
            budget.spend(time.monotonic() - begin)
        _has_started = True
    return _worker


def _drop() -> None:
    global _worker
    if _worker is not None:
        dropped, _worker = _worker, None
        dropped.process.end()


def _forget() -> None:
    """Leave the process to the one that this one was forked from."""
    global _worker, _lock, _has_started
    if _worker is not None:
        _worker.process.close()
    _worker, _lock, _has_started = None, threading.Lock(), False


atexit.register(stop)
os.register_at_fork(after_in_child=_forget)


class _Worker:
    """A process that answers requests in JSON."""

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
        """Return the answers to one request, and their size. Raises ``Stopped``."""
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
        except Stopped as stopped:
            stopped.answers = answers
            raise
        except LateError:
            raise Stopped("time", budget.too_long(), answers) from None
        except SwollenError:
            raise Stopped("memory", budget.too_much_memory(), answers) from None
        except DiedError:
            limit: Limit = "crash" if time.monotonic() < deadline - _GRACE else "time"
            why = f"{budget.too_much_memory()}, or is nested too deep" if limit == "crash" else budget.too_long()
            raise Stopped(limit, why, answers) from None

    def _receive(self, deadline: float, room: int) -> tuple[dict[str, Any], int]:
        size = int.from_bytes(self.process.receive(4, deadline), "big")
        if size > room:
            raise Stopped("size", f"this gives more than {MOST_ANSWERS // 1024**2} MiB")
        try:
            answer = json.loads(self.process.receive(size, deadline))
        except (ValueError, RecursionError):
            raise DiedError from None
        if not isinstance(answer, dict):
            raise DiedError
        return answer, size


def _raise_unless_ended(last: dict[str, Any], budget: ProcessBudget) -> None:
    """Raise what the last answer to a request says, unless it says that the request ended well."""
    if "end" in last:
        return
    if "user" in last:
        message, hint, status = last["user"]
        raise UserError(str(message), hint=hint, status=int(status))
    limit: Limit = last["stopped"] if last.get("stopped") in ("memory", "time") else "crash"
    words = {"memory": budget.too_much_memory(), "time": budget.too_long(), "crash": str(last.get("why"))}
    place = last.get("at")
    raise Stopped(limit, words[limit], place=place if isinstance(place, str) else None)


def _unavailable(why: str) -> UserError:
    return UserError(
        f"no process can be started for the templates, policies and contracts of this workspace: {why}",
        hint="they run in a process of their own, with limits; let this machine start one more",
    )
