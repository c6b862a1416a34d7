"""The start and the end of the service: HTTP in this process, the worker in another."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

from rollout_spec.core.errors import UserError
from rollout_spec.integrations.monitors.authentication.bounded_get import get
from rollout_spec.service.app import Service, create_app
from rollout_spec.service.child_process import ChildProcess, ProcessOptions
from rollout_spec.service.database import Database
from rollout_spec.service.health import State, keep_fresh, wait_for_settings
from rollout_spec.service.inbox import Inbox
from rollout_spec.service.limits import RateLimit
from rollout_spec.service.listener import close, is_loopback, listen, open_sockets
from rollout_spec.service.logs import set_up
from rollout_spec.service.metrics import Metrics
from rollout_spec.service.reconciler import ReconcilerProcess
from rollout_spec.service.secrets import learn_tokens
from rollout_spec.service.worker_process import WorkerProcess
from rollout_spec.service.workspaces import Served, monitors_of, reconciles
from rollout_spec.service.writer import Writer
from rollout_spec.workflows.monitors import authenticates, check_monitor

_log = logging.getLogger(__name__)
_CLEAN_SECONDS = 3600.0
_START_SECONDS = 10.0
"""The time for the first fetch of settings. Monitors must not wait longer for a remote that hangs."""


@dataclass(frozen=True)
class ServeOptions:
    """The options of the service.

    ``poll``, ``lease`` and ``keep`` are in seconds, ``rate`` in requests a second.
    """

    root: Path
    host: str
    port: int
    database: str
    log_format: str = "text"
    poll: float = 15.0
    lease: float = 15.0
    keep: float = 30 * 24 * 3600.0
    rate: float = 500.0
    most_bytes: int = 1024 * 1024


def serve(options: ServeOptions) -> int:
    """Run the service until a signal ends it, and return the exit status. UserError if it cannot start."""
    set_up(options.log_format)
    learn_tokens()
    sockets = open_sockets(options.host, options.port)
    database = Database(options.database)
    ended = Event()
    try:
        database.prepare()
        inbox, state = Inbox(database), State()
        refreshing = (options.root, state, options.poll, ended)
        Thread(target=keep_fresh, args=refreshing, name="settings", daemon=True).start()
        wait_for_settings(options.root, state, _START_SECONDS)
        check_served(state.served, options.host, only_loopback=is_loopback(sockets))
        Thread(target=_clean, args=(inbox, options.keep, ended), name="cleaning", daemon=True).start()
        _serve(inbox, state, options, sockets)
    finally:
        ended.set()
        close(sockets)
        database.close()
    _log.info("stopped")
    return 0


def _serve(inbox: Inbox, state: State, options: ServeOptions, sockets: Sequence[socket.socket]) -> None:
    metrics = Metrics(state)
    process = ProcessOptions(options.root, options.database, options.lease, options.log_format)
    worker = WorkerProcess(process, state, metrics)
    service = Service(
        inbox,
        Writer(inbox, worker.wake),
        state,
        metrics,
        RateLimit(options.rate, 2 * options.rate),
        options.most_bytes,
        is_loopback(sockets),
        _confirm,
    )
    app = create_app(service)
    with _running(worker), _running(ReconcilerProcess(process, state, metrics)):
        listen(app, sockets)


@contextmanager
def _running(process: ChildProcess) -> Iterator[None]:
    try:
        process.start()
        yield
    finally:
        process.stop()


def check_served(served: Served, host: str, *, only_loopback: bool) -> None:
    """Raise UserError if no monitor is named, or one has no ``auth`` and others may connect."""
    named = [(each, monitor) for each in served.workspaces.values() for monitor in monitors_of(each)]
    if not named and not any(reconciles(each) for each in served.workspaces.values()):
        problems = (*served.errors, *served.invalid)
        if problems:
            raise UserError(f"the workspaces cannot be read: {problems[0]}")
        raise UserError(
            "no workspace on the base names a monitor, or sets `service.reconcile`",
            hint="add `service: {monitors: {alertmanager: {type: alertmanager, auth: …}}}` to `spec`",
        )
    for workspace, monitor in named:
        settings = workspace.settings.spec.service
        assert settings is not None
        check_monitor(monitor, settings.monitors[monitor])
        if not only_loopback and not authenticates(settings.monitors[monitor]):
            raise UserError(
                f"{workspace.name}: the monitor `{monitor}` has no `auth`, and {host} is not loopback",
                hint="add `auth: {bearer: {env: NAME}}` to it, or listen on 127.0.0.1",
            )


def _confirm(address: str) -> None:
    """Confirm a subscription. The parser has checked that the address is of SNS, for the topic."""
    get(address, "the confirmation at")
    _log.info("a subscription is confirmed")


def _clean(inbox: Inbox, keep: float, ended: Event) -> None:
    """Delete old breaches, at the start and once an hour."""
    while True:
        try:
            count = inbox.forget(keep)
            _log.info("deleted %d old breaches", count)
        except UserError as error:
            _log.warning("old breaches are not deleted: %s", error.message)
        if ended.wait(min(_CLEAN_SECONDS, keep)):
            return
