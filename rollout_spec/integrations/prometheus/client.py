"""The client of one Prometheus server."""

from __future__ import annotations

import re
from datetime import datetime
from email.utils import parsedate_to_datetime
from threading import Lock
from types import TracebackType
from urllib.parse import urlencode

from rollout_spec.core import redaction
from rollout_spec.core.errors import OUTSIDE, UserError
from rollout_spec.core.series import Answer
from rollout_spec.core.text import one_line
from rollout_spec.integrations.http_connection import (
    AnswerTooLargeError,
    Connection,
    HttpAnswer,
    Server,
    UnreachableError,
)
from rollout_spec.integrations.prometheus import answers

SECONDS = 30.0
"""The time for one query: the connection, the evaluation and the answer."""
_LONGEST_REASON = 300
_REFUSED = (400, 422)
"""The statuses of a query that cannot be parsed or executed, https://prometheus.io/docs/prometheus/latest/querying/api/"""
_ADDRESS_HINT = "write `http://prometheus:9090` or `https://example.com/prometheus`"
_HINTS = {
    401: "check `prometheus.auth` in .rollout-spec.yaml",
    403: "check `prometheus.auth` in .rollout-spec.yaml",
    404: "check the path of `prometheus.url` in .rollout-spec.yaml",
}


class QueryRefusedError(UserError):
    """Prometheus refused one query. Its text is wrong, or it would read too much; others may be answered."""


class PrometheusClient:
    """Queries over one connection, which is kept open. Threads may share it; they wait for each other.

    ``url`` may have a path, if a proxy serves Prometheus below it. ``token`` is sent to its host alone, because no
    redirect is followed.
    """

    def __init__(self, url: str, token: str | None = None, *, timeout: float = SECONDS) -> None:
        self._server = Server.at(url, _ADDRESS_HINT)
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        if token is not None:
            if not re.fullmatch(r"[!-~]+", token):
                raise UserError(
                    "the token for Prometheus has a space, a line end or another character that no HTTP header holds",
                    hint="check the secret in `prometheus.auth`",
                )
            redaction.learn(token)
            headers["Authorization"] = f"Bearer {token}"
        self._connection = Connection(self._server, headers)
        self._timeout = timeout
        self._lock = Lock()

    def __enter__(self) -> PrometheusClient:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection. A later query opens a new one."""
        with self._lock:
            self._connection.close()

    def query(self, promql: str, at: datetime) -> Answer:
        """Return the answer to a query at a time.

        UserError with status 3 if Prometheus gives none; QueryRefusedError if the query itself is the reason.
        """
        form = {"query": promql, "time": f"{at.timestamp():.3f}", "timeout": f"{self._timeout * 1000:.0f}ms"}
        try:
            with self._lock:
                answer = self._connection.post("/api/v1/query", urlencode(form).encode(), self._timeout)
        except AnswerTooLargeError as error:
            raise self._error(f"{error}: the query has too many series") from None
        except UnreachableError as error:
            raise self._error(str(error)) from None
        if answer.status != 200:
            raise self._refusal(answer)
        try:
            series, warnings = answers.read(answer.body)
        except answers.UselessError as error:
            raise self._error(f"unusable answer: {error}", "check `prometheus.url` in .rollout-spec.yaml") from None
        return Answer(series, tuple(_harmless(warning) for warning in warnings), _date(answer.date))

    def _refusal(self, answer: HttpAnswer) -> UserError:
        if 300 <= answer.status < 400:
            location = f" to {answer.location}" if answer.location else ""
            hint = "write the final address in `prometheus.url`"
            return self._error(f"it redirects{location}, and no redirect is followed", hint)
        reason = answers.reason_of(answer.body)
        error = self._error(f"it answered {answer.status}: {reason or answer.reason}", _HINTS.get(answer.status))
        if answer.status in _REFUSED and reason is not None:
            return QueryRefusedError(error.message, hint=error.hint, status=error.status)
        return error

    def _error(self, reason: str, hint: str | None = None) -> UserError:
        return UserError(f"cannot read Prometheus at {self._server}: {_harmless(reason)}", hint=hint, status=OUTSIDE)


def _harmless(text: str) -> str:
    """Return a text of the server as one short line without secrets."""
    return one_line(redaction.redact(text), _LONGEST_REASON)


def _date(header: str | None) -> datetime | None:
    try:
        date = parsedate_to_datetime(header) if header else None
    except (ValueError, OverflowError):
        return None
    return date if date is not None and date.tzinfo is not None else None
