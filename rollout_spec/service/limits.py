"""Limits on requests: the rate and the connections of a source, and the time of a request."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, OrderedDict
from dataclasses import dataclass
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

_MOST_SOURCES = 10_000
HEADER_SECONDS = 10.0
"""The time until the headers of a request are complete, and until a body that nobody reads has passed."""
WRITE_SECONDS = 30.0
"""The time in which a client must read what fills the buffer of its connection."""
SHARE = 0.5
"""The part of all connections that one source may have."""


@dataclass
class _Bucket:
    tokens: float
    filled_at: float


class RateLimit:
    """A token bucket for each source: ``rate`` requests a second, and bursts of ``burst`` requests."""

    def __init__(self, rate: float, burst: float) -> None:
        self._rate, self._burst = rate, burst
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def admits(self, source: str) -> bool:
        """Count one request of a source, and return whether it is within the limit."""
        now = time.monotonic()
        bucket = self._buckets.pop(source, None) or _Bucket(self._burst, now)
        bucket.tokens = min(self._burst, bucket.tokens + (now - bucket.filled_at) * self._rate)
        bucket.filled_at = now
        self._buckets[source] = bucket
        if len(self._buckets) > _MOST_SOURCES:
            self._buckets.popitem(last=False)
        if bucket.tokens < 1:
            return False
        bucket.tokens -= 1
        return True

    def seconds(self, source: str) -> float:
        """Return the time until the next request of a source is within the limit."""
        bucket = self._buckets.get(source)
        return max(0.0, (1 - bucket.tokens) / self._rate) if bucket else 0.0


_connections: Counter[str] = Counter()


class TimedProtocol(H11Protocol):
    """HTTP that closes silent connections.

    A connection ends if its next request does not come in time, its responses are not read in time, or its source has
    too many connections.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Count a connection, and start its clock."""
        super().connection_made(transport)
        self._deadline: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None
        self._source = self.client[0] if self.client else ""
        _connections[self._source] += 1
        limit = self.limit_concurrency
        if limit is not None and _connections[self._source] > max(1, int(limit * SHARE)):
            transport.abort()
        else:
            self._start_clock()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clocks."""
        self._stop_clock()
        self._stop_unread()
        _connections[self._source] -= 1
        if _connections[self._source] <= 0:
            del _connections[self._source]
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take a part of a request. The clock runs while its headers are incomplete, or its body is discarded."""
        super().data_received(data)
        conn = self.conn
        is_discarded = conn.our_state is h11.DONE and conn.their_state is h11.SEND_BODY
        if conn.their_state is h11.IDLE or is_discarded:
            self._start_clock()
        else:
            self._stop_clock()

    def send_400_response(self, msg: str) -> None:
        """Reject bytes that are no HTTP, and end the connection.

        They may follow a request before its response is sent. Nothing can be sent after the rejection, so that response
        is discarded; and no rejection can be sent within a response.
        """
        if self.cycle is not None:
            self.cycle.disconnected = True
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            super().send_400_response(msg)
        else:
            self.transport.close()

    def pause_writing(self) -> None:
        """Start the clock of a client that does not read."""
        super().pause_writing()
        self._stop_unread()
        self._unread = self.loop.call_later(WRITE_SECONDS, self._abort)

    def resume_writing(self) -> None:
        """Stop the clock of a client that reads again."""
        super().resume_writing()
        self._stop_unread()

    def _stop_unread(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _abort(self) -> None:
        transport: Any = self.transport
        transport.abort()  # to close it would wait until all is read

    def _start_clock(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(HEADER_SECONDS, self._give_up)

    def _stop_clock(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        transport: Any = self.transport
        if not transport.is_closing():
            transport.close()
