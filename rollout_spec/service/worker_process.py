"""The worker's process: started, woken, watched, and started again if it ends."""

from __future__ import annotations

import logging
import multiprocessing
import os
import select
import signal
import time
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any

from rollout_spec.core.unexpected import as_user_error
from rollout_spec.service import programs
from rollout_spec.service.answers import Answer
from rollout_spec.service.database import Database
from rollout_spec.service.health import State
from rollout_spec.service.inbox import Inbox
from rollout_spec.service.logs import set_up
from rollout_spec.service.metrics import Metrics
from rollout_spec.service.notices import Notices
from rollout_spec.service.notifier import Notifier
from rollout_spec.service.secrets import learn_tokens
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
    """The options of the worker's process: all values that its new interpreter needs.

    ``most`` is the longest work on one answer, in seconds.
    """

    root: Path
    database: str
    lease: float
    log_format: str
    most: float = 300.0


class WorkerProcess:
    """The worker's process. Its signs of life go to ``state``, its answers to ``metrics``."""

    def __init__(self, options: ProcessOptions, state: State, metrics: Metrics) -> None:
        self._options, self._state, self._metrics = options, state, metrics
        self._ended, self._lock = Event(), Lock()
        self._orders: Connection | None = None
        self._thread = Thread(target=self._supervise, name="supervisor", daemon=True)

    def start(self) -> None:
        """Start the process, and the thread that watches it."""
        self._thread.start()

    def wake(self) -> None:
        """Tell the worker that there is something to do."""
        with self._lock, suppress(OSError):
            if self._orders is not None:
                self._orders.send_bytes(b"work")

    def stop(self) -> None:
        """Let the worker finish its batch, within a limit, and end it."""
        self._ended.set()
        with self._lock:
            if self._orders is not None:
                self._orders.close()
                self._orders = None
        if self._thread.is_alive():
            self._thread.join(_STOP_SECONDS + 5)

    def _supervise(self) -> None:
        context = multiprocessing.get_context("spawn")
        while not self._ended.is_set():
            mark = uuid.uuid4().hex
            try:
                process, orders, events = self._start(context, mark)
            except OSError as error:
                _log.error("the worker cannot be started: %s", error.strerror)
                self._ended.wait(_RESTART_SECONDS)
                continue
            with self._lock:
                self._orders = orders
            self._listen(events, process)
            with self._lock:
                self._orders = None
                orders.close()
            events.close()
            _end(process, mark)
            self._state.worker_seen = 0.0
            self._metrics.worker_up.set(0)
            if not self._ended.wait(_RESTART_SECONDS):
                _log.error("the worker ended with status %s: it is started again", process.exitcode)

    def _start(self, context: SpawnContext, mark: str) -> tuple[BaseProcess, Connection, Connection]:
        """Start the process. Return it with the pipe for orders and the one for its events."""
        events, their_events = context.Pipe(duplex=False)
        their_orders, orders = context.Pipe(duplex=False)
        os.set_blocking(orders.fileno(), False)  # a busy worker reads no orders, and one is enough
        arguments = (self._options, their_orders, their_events, mark, self._state.served)
        process = context.Process(target=run_worker, args=arguments, name="worker")
        process.start()
        their_orders.close()
        their_events.close()
        return process, orders, events

    def _listen(self, pipe: Connection, process: BaseProcess) -> None:
        """Take the worker's events until it ends, or is asked to end, or gives no sign of life."""
        stop_at: float | None = None
        is_asked, seen = False, time.monotonic()
        while process.is_alive():
            if self._ended.is_set():
                stop_at = stop_at or time.monotonic() + _STOP_SECONDS
                with self._lock:
                    is_asked = is_asked or _send(pipe, "stop")
                if time.monotonic() > stop_at:
                    return
            if time.monotonic() - seen > _SILENT_SECONDS:
                _log.error("the worker gives no sign of life: it is ended")
                return
            try:
                if not pipe.poll(0.2):
                    continue
                event: Mapping[str, Any] | None = pipe.recv()
            except (EOFError, OSError):
                return
            self._state.worker_seen = seen = time.monotonic()
            self._metrics.worker_up.set(1)
            if event is not None:
                self._metrics.count(event)


def _send(pipe: Connection, message: str) -> bool:
    """Send a message without waiting. Return False if the other side is gone, or has many messages unread."""
    poll = select.poll()
    try:
        poll.register(pipe.fileno(), select.POLLOUT)
        if not any(event & select.POLLOUT for _, event in poll.poll(0)):
            return False
        pipe.send(message)
    except OSError:
        return False
    return True


def _end(process: BaseProcess, mark: str) -> None:
    """End a process and the programs that it started."""
    if process.pid is not None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.join()
    programs.kill_marked(mark)


def run_worker(options: ProcessOptions, orders: Connection, events: Connection, mark: str, served: Served) -> None:
    """Work until the other side asks for an end, or is gone. ``served`` are the workspaces at the start."""
    os.setsid()  # so that its programs can be ended with it, and Ctrl-C is for the parent alone
    signal.signal(signal.SIGTERM, lambda *_: None)  # systemd sends it to all processes; the parent asks for the end
    programs.mark(mark)
    set_up(options.log_format)
    learn_tokens()
    database = Database(options.database)
    inbox = Inbox(database)

    lock = Lock()  # the worker, its lease and the notifier send from threads of their own

    def send(event: Mapping[str, Any] | None) -> None:
        with lock, suppress(OSError):
            events.send(event)

    def tell(answer: Answer | None) -> None:
        send(event_of(answer) if answer is not None else None)

    def count(result: str) -> None:
        send({"kind": "notification", "result": result})

    worker_options = WorkerOptions(options.root, options.lease, options.most)
    worker = Worker(inbox, worker_options, tell, lambda: _end_itself(mark), served=served)
    ended = Event()
    notifier = Notifier(Notices(database), lambda: worker.served, count)
    Thread(target=notifier.run, args=(ended,), name="notifier", daemon=True).start()
    warm_up(worker.served)
    while not _is_asked_to_end(orders, _work(worker)):
        pass
    ended.set()
    with suppress(Exception):
        inbox.release(worker.owner)


def _end_itself(mark: str) -> None:
    """End this process and all programs that it started."""
    programs.kill_marked(mark)
    os.killpg(0, signal.SIGKILL)


def _work(worker: Worker) -> bool:
    """Work on one batch. Return False if there was none, or the inbox cannot be used."""
    try:
        return worker.work()
    except Exception as error:
        _log.warning("the worker cannot work: %s", as_user_error(error).message)
        return False


def _is_asked_to_end(orders: Connection, has_worked: bool) -> bool:
    """Return whether the parent asks for the end, or is gone: it closed the pipe.

    Wait if there was no work.
    """
    try:
        wait = 0.0 if has_worked else _IDLE_SECONDS
        while orders.poll(wait):
            orders.recv_bytes()
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
