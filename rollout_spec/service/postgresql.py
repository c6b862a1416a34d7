"""PostgreSQL for the inbox: a connection that gives up if the server does not answer."""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.waiting import Ready
from sqlalchemy import URL, Engine, create_engine, event

_R = TypeVar("_R")
_ANSWER_SECONDS = 12.0
"""The time for an answer. It is longer than ``statement_timeout``, which a server that works keeps itself."""
_SETTINGS = "-c statement_timeout=10000 -c lock_timeout=5000 -c idle_in_transaction_session_timeout=30000"


class LimitedConnection(psycopg.Connection[Any]):
    """A connection that closes if the server is silent. TCP does not notice that a server is frozen."""

    def wait(self, gen: PQGen[_R], *arguments: Any, **named: Any) -> _R:
        """Wait for an answer. OperationalError if there is none in time."""
        return super().wait(self._limited(gen), *arguments, **named)

    def _limited(self, gen: PQGen[_R]) -> Generator[Any, Any, _R]:
        end = time.monotonic() + _ANSWER_SECONDS
        ready: Any = None
        while True:
            try:
                wanted = gen.send(ready)
            except StopIteration as done:
                result: _R = done.value
                return result
            ready = yield wanted
            if ready == Ready.NONE and time.monotonic() > end:
                self.pgconn.finish()
                raise psycopg.OperationalError(f"the server gave no answer within {_ANSWER_SECONDS:g} seconds")


def open_postgresql(url: URL) -> Engine:
    """Return an engine for an address. Each wait of its connections has an end."""
    arguments: dict[str, Any] = {
        "connect_timeout": 5,
        "options": _SETTINGS,
        "client_encoding": "utf8",  # whatever the database has
        # A server that is cut off is noticed within half a minute.
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 20_000,
    }
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"), pool_pre_ping=True, pool_timeout=5, connect_args=arguments
    )
    event.listen(engine, "do_connect", _connect)
    return engine


def _connect(dialect: Any, record: Any, arguments: Any, named: Any) -> LimitedConnection:
    return LimitedConnection.connect(*arguments, **named)
