"""The sockets of the service, and the server that answers on them until a signal ends it."""

from __future__ import annotations

import ipaddress
import logging
import resource
import signal
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

from rollout_spec.core.errors import OUTSIDE, UserError
from rollout_spec.core.text import excerpt
from rollout_spec.service.limits import TimedProtocol

_log = logging.getLogger(__name__)
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_MOST_CONNECTIONS = 2000
_OTHER_FILES = 200
"""Open files for everything but connections: the inbox, git and the forges."""


def open_sockets(host: str, port: int) -> list[socket.socket]:
    """Return sockets that are bound to all addresses of a host. UserError if one cannot be."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (socket.gaierror, UnicodeError):
        raise UserError(f"cannot listen on {excerpt(host)}: no such address", hint="use --host 127.0.0.1") from None
    sockets: list[socket.socket] = []
    try:
        for family, kind, protocol, _, address in found:
            sockets.append(socket.socket(family, kind, protocol))
            _bind(sockets[-1], str(address[0]), port or (sockets[0].getsockname()[1] if len(sockets) > 1 else 0))
    except OSError as error:
        close(sockets)
        reason, hint = error.strerror, "choose another one with --port, or end the program that listens there"
        raise UserError(f"cannot listen on {excerpt(host)} port {port}: {reason}", hint=hint, status=OUTSIDE) from None
    return sockets


def _bind(each: socket.socket, address: str, port: int) -> None:
    each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if each.family == socket.AF_INET6:
        each.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    each.bind((address, port))
    each.listen(2048)


def close(sockets: Sequence[socket.socket]) -> None:
    """Close sockets."""
    for each in sockets:
        each.close()


def is_loopback(sockets: Sequence[socket.socket]) -> bool:
    """Return whether only this machine can connect."""
    return all(ipaddress.ip_address(each.getsockname()[0].partition("%")[0]).is_loopback for each in sockets)


def listen(app: FastAPI, sockets: Sequence[socket.socket]) -> None:
    """Answer requests until a signal ends it. Then running requests are finished, within a limit."""
    config = uvicorn.Config(
        app,
        http=TimedProtocol,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        limit_concurrency=_most_connections(),
        timeout_keep_alive=30,
        timeout_graceful_shutdown=5,
        h11_max_incomplete_event_size=32 * 1024,
        proxy_headers=False,
    )
    _Server(config).run(list(sockets))


class _Server(uvicorn.Server):
    """A server that says where it listens, and for which a signal is no error."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer."""
        await super().startup(sockets)
        for each in sockets or ():
            host, port = each.getsockname()[:2]
            _log.info("listening on http://%s:%d", f"[{host}]" if ":" in host else host, port)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Finish the running requests."""
        _log.info("stopping")
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Let signals end the server. Uvicorn would raise them once more at its end."""
        before = {number: signal.signal(number, self.handle_exit) for number in _SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _most_connections() -> int:
    """Raise this process's limit of open files, and return how many connections leave enough for the rest."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_CONNECTIONS + _OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return _MOST_CONNECTIONS if soft == resource.RLIM_INFINITY else max(50, min(_MOST_CONNECTIONS, soft - _OTHER_FILES))
