"""The start and the end of the service: HTTP in this process, the worker in another."""

from __future__ import annotations

import ipaddress
import logging
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

import uvicorn

from rollout_spec.core.errors import UserError
from rollout_spec.service.app import Service, create_app
from rollout_spec.service.database import Database
from rollout_spec.service.health import State, keep_fresh, wait_for_settings
from rollout_spec.service.inbox import Inbox
from rollout_spec.service.limits import RateLimit, TimedProtocol
from rollout_spec.service.logs import Redactor, set_up
from rollout_spec.service.metrics import Metrics
from rollout_spec.service.worker_process import ProcessOptions, WorkerProcess
from rollout_spec.service.workspaces import Served, monitors_of
from rollout_spec.service.writer import Writer
from rollout_spec.workflows.monitors import authenticates

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
    redactor = Redactor()
    set_up(options.log_format, redactor)
    database = Database(options.database)
    database.prepare()
    inbox, state = Inbox(database), State()
    metrics, ended = Metrics(inbox), Event()
    process = ProcessOptions(options.root, options.database, options.lease, options.log_format)
    worker = WorkerProcess(process, state, metrics)

    def after() -> None:
        for name, each in state.served.workspaces.items():
            metrics.settings_current.labels(name).set(0 if each.error else 1)

    refreshing = (options.root, state, options.poll, ended, after)
    Thread(target=keep_fresh, args=refreshing, name="settings", daemon=True).start()
    wait_for_settings(options.root, state, _START_SECONDS)
    check_served(state.served, options.host)
    worker.start()
    Thread(target=_clean, args=(inbox, options.keep, ended), name="cleaning", daemon=True).start()
    service = Service(
        inbox,
        Writer(inbox, worker.wake),
        state,
        metrics,
        RateLimit(options.rate, 2 * options.rate),
        options.most_bytes,
        is_loopback(options.host),
        _confirm,
    )
    try:
        _listen(service, options)
    finally:
        ended.set()
        worker.stop()
        database.close()
    return 0


def _listen(service: Service, options: ServeOptions) -> None:
    config = uvicorn.Config(
        create_app(service),
        host=options.host,
        port=options.port,
        http=TimedProtocol,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        limit_concurrency=2000,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=10,
        h11_max_incomplete_event_size=32 * 1024,
        proxy_headers=False,
    )
    uvicorn.Server(config).run()


def is_loopback(host: str) -> bool:
    """Return whether only this machine can connect to an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def check_served(served: Served, host: str) -> None:
    """Raise UserError if no monitor is named, or one has no ``auth`` and others may connect."""
    named = [(each, monitor) for each in served.workspaces.values() for monitor in monitors_of(each)]
    if not named:
        problem = served.errors[0] if served.errors else "no workspace on the base names a monitor"
        raise UserError(
            problem, hint="add `service: {monitors: {alertmanager: {type: alertmanager, auth: …}}}` to `spec`"
        )
    for workspace, monitor in named:
        settings = workspace.settings.spec.service
        assert settings is not None
        if not is_loopback(host) and not authenticates(settings.monitors[monitor]):
            raise UserError(
                f"{workspace.name}: the monitor `{monitor}` has no `auth`, and {host} is not loopback",
                hint="add `auth: {bearer: {env: NAME}}` to it, or listen on 127.0.0.1",
            )


def _confirm(address: str) -> None:
    _log.warning("a subscription is not confirmed: %s", address)


def _clean(inbox: Inbox, keep: float, ended: Event) -> None:
    """Delete old breaches once an hour."""
    while not ended.wait(_CLEAN_SECONDS):
        try:
            count = inbox.forget(keep)
            _log.info("deleted %d old breaches", count)
        except UserError as error:
            _log.warning("old breaches are not deleted: %s", error.message)
