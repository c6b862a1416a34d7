"""The HTTP interface: posts of monitors, the progress of breaches, health and metrics."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import FastAPI, Path, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from rollout_spec import __version__
from rollout_spec.core.errors import OUTSIDE, UserError
from rollout_spec.integrations.monitors import authentication
from rollout_spec.service import intake
from rollout_spec.service.health import State
from rollout_spec.service.inbox import Inbox
from rollout_spec.service.limits import RateLimit
from rollout_spec.service.metrics import Metrics
from rollout_spec.service.readers import readable_workspaces
from rollout_spec.service.replies import (
    ERRORS,
    BreachList,
    BreachReply,
    Health,
    PostReply,
    ProblemReply,
    breach_reply,
    receipt_replies,
)
from rollout_spec.service.writer import Writer

_log = logging.getLogger(__name__)
_BODY_SECONDS = 10.0
_FAILED_LOGINS = RateLimit(1 / 6, 10)

MonitorName = Annotated[str, Path(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", description="The monitor.")]
BreachId = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$", description="The id of a breach.")]


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


class _RejectedError(Exception):
    """A request that is rejected with a status and a message."""

    def __init__(self, status: int, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.hint = status, message, hint


def create_app(service: Service) -> FastAPI:
    """Return the web application of a service."""

    @asynccontextmanager
    async def running(_: FastAPI) -> AsyncIterator[None]:
        task = asyncio.create_task(service.writer.run())
        yield
        task.cancel()

    app = FastAPI(title="rollout-spec", version=__version__, lifespan=running, redoc_url=None)
    app.state.service = service
    _add_breaches(app, service)
    _add_health(app, service)
    _add_errors(app, service)
    return app


def _add_breaches(app: FastAPI, service: Service) -> None:
    @app.post("/v1/breaches/{monitor}", status_code=202, response_model=PostReply, responses=ERRORS)
    async def post_breaches(
        request: Request,
        monitor: MonitorName,
        dry_run: Annotated[bool, Query(alias="dryRun", description="Answer it, but push nothing.")] = False,
    ) -> PostReply:
        """Store the breaches of a monitor's payload; they are answered soon after."""
        _check_rate(request, service)
        sent = authentication.Request(await _body(request, service), dict(request.headers.items()))
        post = await run_in_threadpool(_read, monitor, sent, service, _source(request), dry_run)
        receipts = await service.writer.store(post.breaches) if post.breaches else []
        if post.ended and not dry_run:
            await run_in_threadpool(_end, post, service)
        if post.confirmation is not None:
            await run_in_threadpool(service.confirm, post.confirmation)
        replies = receipt_replies(post.breaches, receipts)
        for reply in replies:
            result = "refused" if reply.state == "refused" else "stored" if reply.is_new else "repeated"
            service.metrics.received.labels(monitor, result).inc()
            _log.info("%s", result, extra={"breach": reply.id, "monitor": monitor, "source": _source(request)})
        return PostReply(breaches=replies, skipped=post.skipped)

    @app.get("/v1/breaches", response_model=BreachList, responses=ERRORS)
    async def list_breaches(
        request: Request,
        state: Annotated[str | None, Query(pattern="^(waiting|working|watching|done|refused|failed)$")] = None,
        most: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> BreachList:
        """Return the newest breaches of the workspaces that these credentials are for."""
        names = await _readable(request, service)
        rows = await run_in_threadpool(service.inbox.newest, names, most, state)
        return BreachList(breaches=[breach_reply(row) for row in rows])

    @app.get("/v1/breaches/{id}", response_model=BreachReply, responses=ERRORS)
    async def show_breach(request: Request, id: BreachId) -> BreachReply:
        """Return the progress of a breach, step by step."""
        names = await _readable(request, service)
        row = await run_in_threadpool(service.inbox.find, id)
        if row is None or row.workspace not in names:
            raise _RejectedError(404, f"no breach {id}")
        return breach_reply(row)


def _add_health(app: FastAPI, service: Service) -> None:
    @app.get("/healthz", response_model=Health)
    async def live() -> Health:
        """Return that this process answers."""
        return Health(status="ok")

    @app.get("/readyz", response_model=Health, responses={503: {"model": Health}})
    async def ready(response: Response) -> Health:
        """Return whether git, the forges, the inbox and the worker can be used."""
        state, problems = service.state, dict[str, str]()
        try:
            await asyncio.wait_for(run_in_threadpool(service.inbox.backlog), 5)
        except (UserError, TimeoutError) as error:
            problems["inbox"] = error.message if isinstance(error, UserError) else "the inbox does not answer"
        problems |= {"git": state.git} if state.git else {}
        problems |= {"worker": state.worker} if state.worker else {}
        problems |= {f"forge of {name}": error for name, error in state.forges.items() if error}
        settings = {name: each.error or each.commit for name, each in state.served.workspaces.items()}
        response.status_code = 503 if problems else 200
        degraded = any(each.error for each in state.served.workspaces.values())
        return Health(
            status="failing" if problems else "degraded" if degraded else "ok", problems=problems, settings=settings
        )

    @app.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
    async def metrics() -> Response:
        """Return the metrics for Prometheus."""
        text = await run_in_threadpool(service.metrics.text)
        return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")


def _add_errors(app: FastAPI, service: Service) -> None:
    def reply(request: Request, status: int, message: str, hint: str | None = None) -> JSONResponse:
        if request.method == "POST":
            monitor = request.path_params.get("monitor", "")
            known = monitor if service.state.served.by_monitor(monitor) else "unknown"
            service.metrics.rejected.labels(known, str(status)).inc()
            _log.warning("rejected with %d: %s", status, message, extra={"monitor": known, "source": _source(request)})
        headers = (
            {"Retry-After": "5"} if status in (429, 503) else {"WWW-Authenticate": "Bearer"} if status == 401 else None
        )
        problem = ProblemReply(error=message, hint=hint)
        return JSONResponse(problem.model_dump(exclude_none=True), status, headers)

    @app.exception_handler(_RejectedError)
    async def rejected(request: Request, error: _RejectedError) -> JSONResponse:
        return reply(request, error.status, error.message, error.hint)

    @app.exception_handler(UserError)
    async def unusable(request: Request, error: UserError) -> JSONResponse:
        status = {
            intake.UnknownMonitorError: 404,
            intake.UnauthorizedError: 401,
        }.get(type(error), 503 if error.status == OUTSIDE else 422)
        return reply(request, status, error.message, error.hint)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        first: Any = error.errors()[0]
        return reply(request, 422, f"{'.'.join(map(str, first['loc']))}: {first['msg']}")

    @app.exception_handler(HTTPException)
    async def other(request: Request, error: HTTPException) -> JSONResponse:
        return reply(request, error.status_code, str(error.detail))


def _source(request: Request) -> str:
    return request.client.host if request.client else "unknown"


def _check_rate(request: Request, service: Service) -> None:
    if not service.rate.admits(_source(request)):
        raise _RejectedError(429, "too many requests from this address")


async def _body(request: Request, service: Service) -> bytes:
    """Return the body of a request. _RejectedError if it is too large, or does not come in time."""
    content = bytearray()
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            async for part in request.stream():
                content += part
                if len(content) > service.most_bytes:
                    raise _RejectedError(413, f"the body is larger than {service.most_bytes:,} bytes")
    except TimeoutError:
        raise _RejectedError(408, f"the body did not come within {_BODY_SECONDS:g} seconds") from None
    return bytes(content)


def _read(monitor: str, sent: authentication.Request, service: Service, source: str, dry_run: bool) -> intake.Post:
    """Verify a post and return its contents. Many failed logins of one source are rejected at once."""
    now = intake.now()
    try:
        trusting = intake.trusted_by(monitor, sent, service.state.served, now, open_to_all=service.open_to_all)
    except intake.UnauthorizedError:
        if not _FAILED_LOGINS.admits(source):
            raise _RejectedError(429, "too many requests without valid credentials from this address") from None
        raise
    return intake.read_post(monitor, sent, trusting, now, dry_run=dry_run)


def _end(post: intake.Post, service: Service) -> None:
    for alert, ended_at in post.ended:
        service.inbox.end(alert, ended_at)


async def _readable(request: Request, service: Service) -> list[str]:
    """Return the workspaces that a request may read."""
    _check_rate(request, service)
    headers = dict(request.headers.items())
    names = await run_in_threadpool(readable_workspaces, headers, service.state.served, open_to_all=service.open_to_all)
    if not names:
        raise _RejectedError(401, "these credentials are of no monitor", "send the token or password of a monitor")
    return names
