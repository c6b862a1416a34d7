"""One kept-alive HTTP connection to a server, with bounds on time and size, and without redirects.

The standard library's urllib.request closes its connection after each request, so this is http.client.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from threading import Thread
from urllib.parse import SplitResult, urlsplit

from rollout_spec.core.errors import UserError
from rollout_spec.core.text import excerpt
from rollout_spec.integrations.http_proxies import Proxy, proxy_for

MOST_BYTES = 32 * 1024 * 1024
_CONNECT_SECONDS = 5.0
_CHUNK = 64 * 1024


_HINT = "write the address of a server as `http://HOST:PORT` or `https://example.com/path`"


class UnreachableError(Exception):
    """A server that gave no whole answer, with the reason."""


class NoAnswerInTimeError(UnreachableError):
    """A server that accepted the connection, and gave no whole answer in time."""


class AnswerTooLargeError(UnreachableError):
    """A server with an answer above the limit."""


@dataclass(frozen=True)
class Server:
    """The address of a server. ``prefix`` is its path without the last slash."""

    scheme: str
    host: str
    port: int
    prefix: str

    @classmethod
    def at(cls, url: str, hint: str = _HINT) -> Server:
        """Return the server at a URL. UserError with the hint if the URL names none."""
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            raise UserError(f"`{excerpt(url)}` is not the address of a server", hint=hint) from None
        if not host or not _is_plain(url, parts) or port == 0:
            raise UserError(f"`{excerpt(url)}` is not the address of a server", hint=hint)
        return cls(parts.scheme, host, port or (443 if parts.scheme == "https" else 80), parts.path.rstrip("/"))

    @property
    def origin(self) -> str:
        """The scheme, the host and the port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"

    def __str__(self) -> str:
        return self.origin + self.prefix


def _is_plain(url: str, parts: SplitResult) -> bool:
    """Return whether a URL is a scheme, a host and a path alone.

    It may have no user, and only printable characters.
    """
    is_printable = url.isascii() and url.isprintable() and not set(url) & set(" \\?#")
    return parts.scheme in ("http", "https") and is_printable and "@" not in parts.netloc


@dataclass(frozen=True)
class Request:
    """A request below the path of a server. Its headers come on top of those of the connection."""

    method: str
    path: str
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class HttpAnswer:
    """A whole answer, with the headers that matter. ``challenge`` says how to authenticate."""

    status: int
    reason: str
    body: bytes
    date: str | None
    location: str | None
    challenge: str | None = None


class Connection:
    """A connection that is opened at the first request, and again after an error.

    The timeout of a socket covers single reads. An answer that comes byte by byte never exceeds it, nor does a silent
    name server. So a thread does the work, and is abandoned when the time is over.
    """

    def __init__(self, server: Server, headers: Mapping[str, str], *, most_bytes: int | None = None) -> None:
        self._server = server
        self._most_bytes = MOST_BYTES if most_bytes is None else most_bytes
        self._proxy: Proxy | None = proxy_for(server.scheme, server.host, server.port)
        self._headers = dict(headers)
        self._open: HTTPConnection | None = None

    def close(self) -> None:
        """Close the connection."""
        connection, self._open = self._open, None
        if connection is None:
            return
        if connection.sock is not None:
            with suppress(OSError):
                connection.sock.shutdown(socket.SHUT_RDWR)  # this ends the read of an abandoned thread
        connection.close()

    def post(self, path: str, body: bytes, seconds: float) -> HttpAnswer:
        """Post a body and return the answer. UnreachableError if there is no whole answer in time."""
        return self.send(Request("POST", path, body), seconds)

    def send(self, request: Request, seconds: float) -> HttpAnswer:
        """Send a request and return the answer. UnreachableError if there is no whole answer in time."""
        deadline = time.monotonic() + seconds
        results: list[HttpAnswer | Exception] = []
        connection = self._open = self._open or new_connection(self._server, self._proxy, _CONNECT_SECONDS)

        def work() -> None:
            try:
                results.append(self._sent(connection, request, deadline))
            except Exception as error:
                results.append(error)

        thread = Thread(target=work, daemon=True)
        thread.start()
        thread.join(seconds)
        result = results[0] if results else None
        if isinstance(result, HttpAnswer):
            return result
        self.close()
        if result is None or isinstance(result, TimeoutError):
            raise NoAnswerInTimeError(f"no whole answer within {seconds:g} seconds")
        if isinstance(result, UnreachableError):
            raise result
        if isinstance(result, OSError | HTTPException | ValueError):
            raise UnreachableError(reason_of(result))
        raise result

    def _sent(self, connection: HTTPConnection, request: Request, deadline: float) -> HttpAnswer:
        """Send a request, and send it again if a kept connection turns out to be closed.

        Queries and predictions are safe to repeat, and so are the settings of a registry.
        """
        if connection.sock is not None:
            try:
                return self._once(connection, request, deadline)
            except ConnectionError:  # RemoteDisconnected is one
                if self._open is not connection:  # the time is over, and the caller has closed it
                    raise
                connection.close()
        return self._once(connection, request, deadline)

    def _once(self, connection: HTTPConnection, request: Request, deadline: float) -> HttpAnswer:
        if connection.sock is None:
            _connect(connection)
        connection.sock.settimeout(max(deadline - time.monotonic(), 0.001))
        own = {**self._headers, **request.headers}
        target, headers = target_and_headers(self._server, self._proxy, request.path, own)
        connection.request(request.method, target, request.body, headers)
        with connection.getresponse() as response:
            content = _read(response, self._most_bytes)
            date, location = response.getheader("Date"), response.getheader("Location")
            challenge = response.getheader("WWW-Authenticate")
            return HttpAnswer(response.status, response.reason, content, date, location, challenge)


def new_connection(server: Server, proxy: Proxy | None, seconds: float) -> HTTPConnection:
    """Return a connection that is not open yet. ``seconds`` is the time for it to open, and for each read."""
    host, port = (proxy.host, proxy.port) if proxy else (server.host, server.port)
    if server.scheme == "http":
        return HTTPConnection(host, port, timeout=seconds)
    connection = HTTPSConnection(host, port, timeout=seconds, context=ssl.create_default_context())
    if proxy:
        connection.set_tunnel(server.host, server.port, proxy.headers)
    return connection


def target_and_headers(
    server: Server, proxy: Proxy | None, path: str, headers: Mapping[str, str]
) -> tuple[str, dict[str, str]]:
    """Return the target and the headers of a request. A proxy gets the whole address unless encrypted."""
    if proxy and server.scheme == "http":
        return f"{server.origin}{server.prefix}{path}", {**headers, **proxy.headers}
    return f"{server.prefix}{path}", dict(headers)


def _connect(connection: HTTPConnection) -> None:
    try:
        connection.connect()
    except TimeoutError:
        raise UnreachableError(f"no connection within {_CONNECT_SECONDS:g} seconds") from None


def _read(response: HTTPResponse, most_bytes: int) -> bytes:
    """Return a body. UnreachableError if it is too large, or ends early."""
    content = bytearray()
    while chunk := response.read1(_CHUNK):
        content += chunk
        if len(content) > most_bytes:
            raise AnswerTooLargeError(f"its answer is larger than {most_bytes >> 20} MiB")
    if response.length:
        raise UnreachableError(f"its answer ended {response.length:,} bytes early")
    return bytes(content)


def reason_of(error: Exception) -> str:
    """Return the reason why a connection failed."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return f"{str(error) or 'no answer'} ({type(error).__name__})"
