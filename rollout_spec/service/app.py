"""The HTTP interface: posts of monitors, and the progress of breaches."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import FastAPI, Path, Query, Request
from fastapi.concurrency import run_in_threadpool

from rollout_spec import __version__
from rollout_spec.integrations.monitors import authentication
from rollout_spec.service import intake
from rollout_spec.service.bodies import BodyReader, is_small
from rollout_spec.service.health import State
from rollout_spec.service.inbox import Inbox
from rollout_spec.service.limits import RateLimit
from rollout_spec.service.metrics import Metrics
from rollout_spec.service.openapi import POST, READ, describe
from rollout_spec.service.probes import add_probes
from rollout_spec.service.problems import RejectedError, add_errors, check_parameters, source_of
from rollout_spec.service.readers import readable_workspaces
from rollout_spec.service.replies import (
    POST_ERRORS,
    READ_ERRORS,
    BreachList,
    BreachReply,
    PostReply,
    breach_reply,
    receipt_replies,
)
from rollout_spec.service.threads import Threads
from rollout_spec.service.workspaces import settings_of
from rollout_spec.service.writer import Writer

_log = logging.getLogger(__name__)
_INBOX_SECONDS, _FETCH_SECONDS = 10.0, 10.0
_NO_INBOX = f"the inbox cannot be used: it did not answer within {_INBOX_SECONDS:g} seconds"
_NO_FETCH = f"the monitor cannot be verified: its certificate did not come within {_FETCH_SECONDS:g} seconds"
_STATES = "^(waiting|working|watching|done|refused|failed)$"

MonitorName = Annotated[str, Path(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", description="The monitor.")]
BreachId = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$", description="The id of a breach.")]
Before = Annotated[str | None, Query(pattern=r"^[0-9a-f]{32}$", description="`next` of the page before.")]
RolloutName = Annotated[str | None, Query(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$", description="One rollout only.")]


@dataclass(frozen=True)
class Service:
    """The parts that requests use. ``confirm`` visits the address that confirms a subscription."""

    inbox: Inbox
    writer: Writer
    state: State
    metrics: Metrics
    rate: RateLimit
    most_bytes: int
    open_to_all: bool
    confirm: Callable[[str], None]
    failed_logins: RateLimit = field(default_factory=lambda: RateLimit(1 / 6, 10))
    inbox_threads: Threads = field(default_factory=lambda: Threads("inbox", 8, _INBOX_SECONDS, _NO_INBOX))
    fetching_threads: Threads = field(default_factory=lambda: Threads("fetches", 4, _FETCH_SECONDS, _NO_FETCH))


def create_app(service: Service) -> FastAPI:
    """Return the web application of a service.

    It has no pages that show its description: those of FastAPI load scripts from another server.
    """

    @asynccontextmanager
    async def running(_: FastAPI) -> AsyncIterator[None]:
        task = asyncio.create_task(service.writer.run())
        yield
        task.cancel()

    app = FastAPI(title="rollout-spec", version=__version__, lifespan=running, docs_url=None, redoc_url=None)
    _add_posts(app, service)
    _add_reads(app, service)
    add_probes(app, service.inbox, service.state, service.metrics)
    add_errors(app, lambda request, status: _count_rejected(request, status, service))
    describe(app)
    return app


def _add_posts(app: FastAPI, service: Service) -> None:
    bodies = BodyReader(service.most_bytes)

    @app.post(
        "/v1/breaches/{monitor}",
        status_code=202,
        response_model=PostReply,
        responses=POST_ERRORS,
        openapi_extra=POST,
    )
    async def post_breaches(
        request: Request,
        monitor: MonitorName,
        dry_run: Annotated[bool, Query(alias="dryRun", description="Answer it, but push nothing.")] = False,
    ) -> PostReply:
        """Store the breaches of a monitor's payload; they are answered soon after."""
        check_parameters(request, "dryRun")
        _check_rate(request, service, 503)  # Alertmanager does not send a post again after any 4xx
        if not is_small(request):  # nobody without credentials may fill the memory of all bodies
            await run_in_threadpool(_check_credentials, monitor, request, service)
        sent = authentication.Request(await bodies.read(request), dict(request.headers.items()))
        read = service.fetching_threads.run if _fetches(monitor, service) else run_in_threadpool
        post = await read(_read, monitor, sent, service, source_of(request), dry_run)
        receipts = await service.writer.store(post.breaches) if post.breaches else []
        if post.ended and not dry_run:
            await service.inbox_threads.run(service.inbox.end, post.ended)
        if post.confirmation is not None:
            await service.fetching_threads.run(service.confirm, post.confirmation)
        replies = receipt_replies(post.breaches, receipts)
        for reply in replies:
            result = "refused" if reply.state == "refused" else "stored" if reply.is_new else "repeated"
            service.metrics.received.labels(monitor, result).inc()
            named = {"workspace": reply.workspace} | ({"rollout": reply.rollout} if reply.rollout else {})
            extra = {"breach": reply.id, "monitor": monitor, "source": source_of(request), **named}
            _log.info("%s: %s", result, reply.reason, extra=extra) if reply.reason else _log.info(result, extra=extra)
        return PostReply(breaches=replies, skipped=post.skipped)


def _add_reads(app: FastAPI, service: Service) -> None:
    @app.get("/v1/breaches", response_model=BreachList, responses=READ_ERRORS, openapi_extra=READ)
    async def list_breaches(
        request: Request,
        state: Annotated[str | None, Query(pattern=_STATES, description="One state only.")] = None,
        rollout: RolloutName = None,
        before: Before = None,
        most: Annotated[int, Query(ge=1, le=1000, description="The length of a page.")] = 100,
    ) -> BreachList:
        """Return the newest breaches of the workspaces that these credentials are for, a page at a time."""
        check_parameters(request, "state", "rollout", "before", "most")
        names = await _readable(request, service)
        rows = await service.inbox_threads.run(service.inbox.newest, names, most, state, rollout, before)
        more = rows[-1].id if len(rows) == most else None
        return BreachList(breaches=[breach_reply(row) for row in rows], next=more)

    @app.get("/v1/breaches/{id}", response_model=BreachReply, responses=READ_ERRORS, openapi_extra=READ)
    async def show_breach(request: Request, id: BreachId) -> BreachReply:
        """Return the progress of a breach, step by step."""
        check_parameters(request)
        names = await _readable(request, service)
        row = await service.inbox_threads.run(service.inbox.find, id)
        if row is None or row.workspace not in names:
            raise RejectedError(404, f"no breach {id}")
        return breach_reply(row)


def _count_rejected(request: Request, status: int, service: Service) -> str:
    name = request.path_params.get("monitor", "")
    known = name if service.state.served.by_monitor(name) else "unknown"
    service.metrics.rejected.labels(known, str(status)).inc()
    return known


def _check_rate(request: Request, service: Service, status: int) -> None:
    source = source_of(request)
    if not service.rate.admits(source):
        raise RejectedError(status, "too many requests from this address", wait=service.rate.seconds(source))


def _check_credentials(monitor: str, request: Request, service: Service) -> None:
    try:
        intake.check_credentials(monitor, dict(request.headers.items()), service.state.served, intake.now())
    except intake.UnauthorizedError:
        _count_failed_login(source_of(request), service)
        raise


def _fetches(monitor: str, service: Service) -> bool:
    """Return whether a post of a monitor may need a certificate from another host, which may hang."""
    workspaces = service.state.served.by_monitor(monitor)
    return any(settings_of(each, monitor).topic is not None for each in workspaces)


def _read(monitor: str, sent: authentication.Request, service: Service, source: str, dry_run: bool) -> intake.Post:
    """Verify a post and return its contents."""
    now = intake.now()
    try:
        trusting = intake.trusted_by(monitor, sent, service.state.served, now, open_to_all=service.open_to_all)
    except intake.UnauthorizedError:
        _count_failed_login(source, service)
        raise
    return intake.read_post(monitor, sent, trusting, now, dry_run=dry_run)


def _count_failed_login(source: str, service: Service) -> None:
    """Reject a source with many failed logins.

    Valid credentials from the same address are always accepted.
    """
    if not service.failed_logins.admits(source):
        message = "too many requests without valid credentials from this address"
        raise RejectedError(429, message, wait=service.failed_logins.seconds(source))


async def _readable(request: Request, service: Service) -> list[str]:
    """Return the workspaces that a request may read."""
    _check_rate(request, service, 429)
    headers = dict(request.headers.items())
    names = await run_in_threadpool(readable_workspaces, headers, service.state.served, open_to_all=service.open_to_all)
    if not names:
        _count_failed_login(source_of(request), service)
        raise RejectedError(401, "these credentials are of no monitor", "send the token or password of a monitor")
    return names
