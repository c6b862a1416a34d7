"""A child process of the service: started, woken, watched, and started again if it ends."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any

from rollout_spec.service import programs
from rollout_spec.service.health import State
from rollout_spec.service.logs import set_up
from rollout_spec.service.secrets import learn_tokens

_log = logging.getLogger(__name__)
_RESTART_SECONDS = 1.0


@dataclass(frozen=True)
class ProcessOptions:
    """The options of a child process: all values that its new interpreter needs.

    ``most`` is the longest work on one answer, in seconds.
    """

    root: Path
    database: str
    lease: float
    log_format: str
    most: float = 300.0


@dataclass(frozen=True)
class Child:
    """The work of a child process, and the listeners in this one.

    ``run`` is called in the new process with the options, the pipe of orders, that of events, its mark and the served
    workspaces. ``on_event`` gets each event, and None as a sign of life; ``on_end`` is called when the process ended.
    ``silence`` is the longest time without a sign of life, in seconds. The process runs while ``is_wanted`` is true.
    ``stop_seconds`` is the time that it gets to finish its work.
    """

    name: str
    run: Callable[..., None]
    on_event: Callable[[Mapping[str, Any] | None], None]
    on_end: Callable[[], None]
    silence: float
    is_wanted: Callable[[], bool] = lambda: True
    stop_seconds: float = 20.0


class ChildProcess:
    """A child process that runs until ``stop``."""

    def __init__(self, child: Child, options: ProcessOptions, state: State) -> None:
        self._child, self._options, self._state = child, options, state
        self._ended, self._lock = Event(), Lock()
        self._orders: Connection | None = None
        self._thread = Thread(target=self._supervise, name=f"{child.name}-supervisor", daemon=True)

    def start(self) -> None:
        """Start the process, and the thread that watches it."""
        self._thread.start()

    def wake(self) -> None:
        """Tell the process that there is something to do."""
        with self._lock, suppress(OSError):
            if self._orders is not None:
                self._orders.send_bytes(b"work")

    def stop(self) -> None:
        """Let the process finish its work, within a limit, and end it."""
        self._ended.set()
        self._ask_to_end()
        if self._thread.is_alive():
            self._thread.join(self._child.stop_seconds + 5)

    def _supervise(self) -> None:
        context = multiprocessing.get_context("spawn")
        while not self._ended.is_set():
            if not self._child.is_wanted():
                self._ended.wait(_RESTART_SECONDS)
                continue
            mark = uuid.uuid4().hex
            try:
                process, orders, events = self._start(context, mark)
            except OSError as error:
                _log.error("the %s cannot be started: %s", self._child.name, error.strerror)
                self._ended.wait(_RESTART_SECONDS)
                continue
            with self._lock:
                self._orders = orders
            self._listen(events, process)
            self._ask_to_end()
            events.close()
            _end(process, mark)
            self._child.on_end()
            if self._is_wanted():
                _log.error("the %s ended with status %s: it is started again", self._child.name, process.exitcode)
            self._ended.wait(_RESTART_SECONDS)

    def _start(self, context: SpawnContext, mark: str) -> tuple[BaseProcess, Connection, Connection]:
        """Start the process. Return it with the pipe for orders and the one for its events."""
        events, their_events = context.Pipe(duplex=False)
        their_orders, orders = context.Pipe(duplex=False)
        os.set_blocking(orders.fileno(), False)  # a busy process reads no orders, and one is enough
        arguments = (self._options, their_orders, their_events, mark, self._state.served)
        process = context.Process(target=self._child.run, args=arguments, name=self._child.name)
        process.start()
        their_orders.close()
        their_events.close()
        return process, orders, events

    def _ask_to_end(self) -> None:
        """Close the pipe of orders, so that the process finishes its work and ends."""
        with self._lock:
            if self._orders is not None:
                self._orders.close()
                self._orders = None

    def _is_wanted(self) -> bool:
        return not self._ended.is_set() and self._child.is_wanted()

    def _listen(self, pipe: Connection, process: BaseProcess) -> None:
        """Take the events of the process until it ends, does not end in time, or gives no sign of life."""
        stop_at: float | None = None
        seen = time.monotonic()
        while process.is_alive():
            if stop_at is None and not self._is_wanted():
                stop_at = time.monotonic() + self._child.stop_seconds
                self._ask_to_end()
            if stop_at is not None and time.monotonic() > stop_at:
                return
            if time.monotonic() - seen > self._child.silence:
                _log.error("the %s gives no sign of life: it is ended", self._child.name)
                return
            try:
                if not pipe.poll(0.2):
                    continue
                event: Mapping[str, Any] | None = pipe.recv()
            except (EOFError, OSError):
                return
            seen = time.monotonic()
            self._child.on_event(event)


def _end(process: BaseProcess, mark: str) -> None:
    """End a process and the programs that it started."""
    if process.pid is not None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.join()
    programs.kill_marked(mark)


def prepare(options: ProcessOptions, mark: str) -> None:
    """Set a new child process up: its session, its signals, its log and its secrets."""
    os.setsid()  # so that its programs can be ended with it, and Ctrl-C is for the parent alone
    signal.signal(signal.SIGTERM, lambda *_: None)  # systemd sends it to all processes; the parent asks for the end
    programs.mark(mark)
    set_up(options.log_format)
    learn_tokens()


def is_asked_to_end(orders: Connection, seconds: float) -> bool:
    """Return whether the parent asks for the end, or is gone: it closed the pipe.

    ``seconds`` is the time to wait for an order.
    """
    try:
        while orders.poll(seconds):
            orders.recv_bytes()
            seconds = 0.0
    except (EOFError, OSError):
        return True
    return False


class Events:
    """The pipe of events to the parent, for several threads."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe, self._lock = pipe, Lock()

    def send(self, event: Mapping[str, Any] | None) -> None:
        """Send an event, or None as a sign of life."""
        with self._lock, suppress(OSError):
            self._pipe.send(event)
