"""The worker's process: started, woken, watched, and started again if it ends."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any

from rollout_spec.core.unexpected import as_user_error
from rollout_spec.service.answers import Answer
from rollout_spec.service.database import Database
from rollout_spec.service.health import State
from rollout_spec.service.inbox import Inbox
from rollout_spec.service.logs import Redactor, set_up
from rollout_spec.service.metrics import Metrics
from rollout_spec.service.warm_up import warm_up
from rollout_spec.service.worker import Worker, WorkerOptions
from rollout_spec.service.workspaces import Served

_log = logging.getLogger(__name__)
_IDLE_SECONDS = 0.5
_RESTART_SECONDS = 1.0
_STOP_SECONDS = 20.0
_SILENT_SECONDS = 60.0


@dataclass(frozen=True)
class ProcessOptions:
    """The options of the worker's process: all values that its new interpreter needs."""

    root: Path
    database: str
    lease: float
    log_format: str


class WorkerProcess:
    """The worker's process. Its signs of life go to ``state``, its answers to ``metrics``."""

    def __init__(self, options: ProcessOptions, state: State, metrics: Metrics) -> None:
        self._options, self._state, self._metrics = options, state, metrics
        self._ended, self._lock = Event(), Lock()
        self._pipe: Connection | None = None
        self._thread = Thread(target=self._supervise, name="supervisor", daemon=True)

    def start(self) -> None:
        """Start the process, and the thread that watches it."""
        self._thread.start()

    def wake(self) -> None:
        """Tell the worker that there is something to do."""
        with self._lock, suppress(OSError):
            if self._pipe is not None:
                self._pipe.send("work")

    def stop(self) -> None:
        """Let the worker finish its batch, within a limit, and end it."""
        self._ended.set()
        with self._lock, suppress(OSError):
            if self._pipe is not None:
                self._pipe.send("stop")
        self._thread.join(_STOP_SECONDS + 5)

    def _supervise(self) -> None:
        context = multiprocessing.get_context("spawn")
        while not self._ended.is_set():
            ours, theirs = context.Pipe()
            process = context.Process(
                target=run_worker, args=(self._options, theirs, self._state.served), name="worker"
            )
            process.start()
            theirs.close()
            with self._lock:
                self._pipe = ours
            self._state.worker_seen = time.monotonic()
            self._listen(ours, process)
            with self._lock:
                self._pipe = None
                ours.close()
            _end(process)
            self._metrics.worker_up.set(0)
            if not self._ended.wait(_RESTART_SECONDS):
                _log.error("the worker ended with status %s: it is started again", process.exitcode)

    def _listen(self, pipe: Connection, process: BaseProcess) -> None:
        """Take the worker's events until it ends, or is asked to end, or gives no sign of life."""
        stop_at: float | None = None
        while process.is_alive():
            if self._ended.is_set():
                stop_at = stop_at or time.monotonic() + _STOP_SECONDS
                if time.monotonic() > stop_at:
                    return
            if time.monotonic() - self._state.worker_seen > _SILENT_SECONDS:
                _log.error("the worker gives no sign of life: it is ended")
                return
            try:
                if not pipe.poll(0.2):
                    continue
                event: Mapping[str, Any] | None = pipe.recv()
            except (EOFError, OSError):
                return
            self._state.worker_seen = time.monotonic()
            self._metrics.worker_up.set(1)
            if event is not None:
                self._metrics.count(event)


def _end(process: BaseProcess) -> None:
    """End a process and the programs that it started."""
    if process.pid is not None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.join()


def run_worker(options: ProcessOptions, pipe: Connection, served: Served) -> None:
    """Work until the other side asks for an end, or is gone. ``served`` are the workspaces at the start."""
    os.setsid()  # so that its programs can be ended with it, and Ctrl-C is for the parent alone
    set_up(options.log_format, Redactor())
    inbox = Inbox(Database(options.database))

    def tell(answer: Answer | None) -> None:
        with suppress(OSError):
            pipe.send(event_of(answer) if answer is not None else None)

    worker = Worker(inbox, WorkerOptions(options.root, options.lease), tell, served=served)
    warm_up(served)
    while not _is_asked_to_end(pipe, _work(worker)):
        pass
    with suppress(Exception):
        inbox.release(worker.owner)


def _work(worker: Worker) -> bool:
    """Work on one batch. Return False if there was none, or the inbox cannot be used."""
    try:
        return worker.work()
    except Exception as error:
        _log.warning("the worker cannot work: %s", as_user_error(error).message)
        return False


def _is_asked_to_end(pipe: Connection, has_worked: bool) -> bool:
    """Wait for work if there was none. Return whether the parent asks for the end, or is gone."""
    try:
        wait = 0.0 if has_worked else _IDLE_SECONDS
        while pipe.poll(wait):
            if pipe.recv() == "stop":
                return True
            wait = 0.0
    except (EOFError, OSError):
        return True
    return False


def event_of(answer: Answer) -> dict[str, Any]:
    """Return the event of an answer for the metrics: its verdict, and the seconds of each leg."""
    if answer.error is not None:
        return {"kind": "failed"}
    row, now = answer.row, time.time()
    names = {name for name, _ in answer.steps}
    legs = {}
    if "decided" in names and not any(step.name == "decided" for step in row.steps):
        legs = {"alert_to_received": row.received_at - row.observed_at, "received_to_decided": now - row.received_at}
    if "pull request" in names:
        legs["received_to_pull_request"] = now - row.received_at
    if "merged" in names:
        legs["alert_to_merged"] = now - row.observed_at
    return {"kind": "answer", "verdict": answer.outcome.get("verdict") if "decided" in names else None, "legs": legs}
