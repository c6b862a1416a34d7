"""The worker's process: it answers breaches and sends messages to people."""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Mapping
from contextlib import suppress
from multiprocessing.connection import Connection
from threading import Event, Thread
from typing import Any

from rollout_spec.core.unexpected import as_user_error
from rollout_spec.service import programs
from rollout_spec.service.answers import Answer
from rollout_spec.service.child_process import Child, ChildProcess, Events, ProcessOptions, is_asked_to_end, prepare
from rollout_spec.service.database import Database
from rollout_spec.service.health import State
from rollout_spec.service.inbox import Inbox
from rollout_spec.service.metrics import Metrics
from rollout_spec.service.notices import Notices
from rollout_spec.service.notifier import Notifier
from rollout_spec.service.warm_up import warm_up
from rollout_spec.service.worker import Worker, WorkerOptions
from rollout_spec.service.workspaces import Served

_log = logging.getLogger(__name__)
_IDLE_SECONDS = 0.5
_SILENT_SECONDS = 60.0


class WorkerProcess(ChildProcess):
    """The worker's process. Its signs of life go to ``state``, its answers to ``metrics``."""

    def __init__(self, options: ProcessOptions, state: State, metrics: Metrics) -> None:
        def on_event(event: Mapping[str, Any] | None) -> None:
            state.worker_seen = time.monotonic()
            metrics.worker_up.set(1)
            if event is not None:
                metrics.count(event)

        def on_end() -> None:
            state.worker_seen = 0.0
            metrics.worker_up.set(0)

        super().__init__(Child("worker", run_worker, on_event, on_end, _SILENT_SECONDS), options, state)


def run_worker(options: ProcessOptions, orders: Connection, events: Connection, mark: str, served: Served) -> None:
    """Work until the other side asks for an end, or is gone. ``served`` are the workspaces at the start."""
    prepare(options, mark)
    database = Database(options.database)
    inbox, sender = Inbox(database), Events(events)

    def tell(answer: Answer | None) -> None:
        sender.send(event_of(answer) if answer is not None else None)

    def count(result: str) -> None:
        sender.send({"kind": "notification", "result": result})

    worker_options = WorkerOptions(options.root, options.lease, options.most)
    worker = Worker(inbox, worker_options, tell, lambda: _end_itself(mark), served=served)
    ended = Event()
    notifier = Notifier(Notices(database), lambda: worker.served, count)
    Thread(target=notifier.run, args=(ended,), name="notifier", daemon=True).start()
    warm_up(worker.served)
    while not is_asked_to_end(orders, 0.0 if _work(worker) else _IDLE_SECONDS):
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
