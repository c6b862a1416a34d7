"""A shop behind the models: each answered prediction is a session, and some sessions end in an order."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

from prometheus_client import CollectorRegistry, Counter, start_http_server
from real_servers import free_port

from stack.users import Seen

CONVERSION = 0.6
"""The share of sessions that end in an order, with each version."""


class Shop:
    """The sessions and the orders of each version, as Prometheus scrapes them at ``port``."""

    def __init__(self) -> None:
        self.port = free_port()
        self.registry = CollectorRegistry()
        labels = ("rollout", "version")
        self._sessions = Counter("shop_sessions", "Sessions.", labels, registry=self.registry)
        self._orders = Counter("shop_orders", "Orders.", labels, registry=self.registry)
        self._chance = Random(7)

    def visit(self, seen: Seen) -> None:
        """Count the session of a request if a model answered it."""
        if seen.is_answered and seen.version is not None:
            self._sessions.labels("fraud", seen.version).inc()
            if self._chance.random() < CONVERSION:
                self._orders.labels("fraud", seen.version).inc()


@contextmanager
def shop_running() -> Iterator[Shop]:
    """Open a shop, which answers Prometheus until the end of the block."""
    shop = Shop()
    server, thread = start_http_server(shop.port, "127.0.0.1", shop.registry)
    try:
        yield shop
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
