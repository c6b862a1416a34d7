"""Rejected requests: each error of the HTTP interface with its status and message."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from rollout_spec.core.errors import OUTSIDE, UserError
from rollout_spec.core.text import did_you_mean, excerpt
from rollout_spec.service.intake import UnauthorizedError, UnknownMonitorError
from rollout_spec.service.limits import RateLimit
from rollout_spec.service.replies import ProblemReply, clean

_log = logging.getLogger(__name__)
_AGAIN_SECONDS = 5
_STATUS: dict[type[Exception], int] = {UnknownMonitorError: 404, UnauthorizedError: 401}
CountRejected = Callable[[Request, int], str]
"""Counts a rejected post, and returns the name of its monitor."""


class RejectedError(Exception):
    """A request that is rejected with a status and a message."""

    def __init__(self, status: int, message: str, hint: str | None = None, *, wait: float = _AGAIN_SECONDS) -> None:
        super().__init__(message)
        self.status, self.message, self.hint, self.wait = status, message, hint, wait


def source_of(request: Request) -> str:
    """Return the address that a request comes from."""
    return request.client.host if request.client else "unknown"


def check_parameters(request: Request, *known: str) -> None:
    """Reject unknown and repeated parameters: a misspelled ``dryRun`` must not become a real rollback."""
    given = [name for name, _ in request.query_params.multi_items()]
    for name in given:
        if name not in known:
            raise RejectedError(422, f"unknown parameter `{excerpt(name)}`", did_you_mean(name, known))
        if given.count(name) > 1:
            raise RejectedError(422, f"the parameter `{name}` is given twice")


def add_errors(app: FastAPI, count: CountRejected) -> None:
    """Let an application answer each error with a problem."""
    lines = RateLimit(1, 20)

    def reply(request: Request, status: int, message: str, hint: str | None, headers: dict[str, str]) -> JSONResponse:
        source = source_of(request)
        if request.method == "POST":
            monitor = count(request, status)
            if lines.admits(source):  # others could fill the disk
                _log.warning("rejected with %d: %s", status, message, extra={"monitor": monitor, "source": source})
        if status in (429, 503):
            headers = {"Retry-After": str(_AGAIN_SECONDS), **headers}
        if status == 401:
            headers = {"WWW-Authenticate": 'Bearer, Basic realm="rollout-spec"', **headers}
        problem = ProblemReply(error=clean(message), hint=clean(hint))
        return JSONResponse(problem.model_dump(exclude_none=True), status, headers)

    @app.exception_handler(RejectedError)
    async def rejected(request: Request, error: RejectedError) -> JSONResponse:
        headers = {"Retry-After": str(max(1, round(error.wait)))} if error.status in (429, 503) else {}
        return reply(request, error.status, error.message, error.hint, headers)

    @app.exception_handler(UserError)
    async def unusable(request: Request, error: UserError) -> JSONResponse:
        status = _STATUS.get(type(error), 503 if error.status == OUTSIDE else 422)
        return reply(request, status, error.message, error.hint, {})

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        first: Any = error.errors()[0]
        return reply(request, 422, f"{'.'.join(map(str, first['loc']))}: {first['msg']}", None, {})

    @app.exception_handler(HTTPException)
    async def other(request: Request, error: HTTPException) -> JSONResponse:
        return reply(request, error.status_code, str(error.detail), None, dict(error.headers or {}))

    @app.exception_handler(Exception)
    async def unexpected(request: Request, _: Exception) -> JSONResponse:
        return reply(request, 500, "unexpected error; the log has the details", "send it again", {})
