"""A local HTTP server that gives prepared answers, and keeps the requests. It can be slow, or end early."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import TracebackType
from urllib.parse import parse_qs

import pytest


@dataclass
class Prepared:
    """One answer. ``delay`` is the time before it, ``pause`` the time between its parts of ``chunk`` bytes."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    length: int | None = None
    delay: float = 0
    pause: float = 0
    chunk: int = 1 << 20
    raw: bytes | None = None
    """What is sent in place of an HTTP answer; then the connection is closed."""


@dataclass
class Asked:
    """One request. ``port`` is that of the client, which tells connections apart."""

    method: str
    path: str
    headers: dict[str, str]
    form: dict[str, list[str]]
    port: int
    body: bytes = b""


class AnswerServer:
    """The server. Each request gets the next of the ``prepared`` answers; the last one is repeated."""

    def __init__(self, *prepared: Prepared, context: ssl.SSLContext | None = None) -> None:
        self._context = context
        self.prepared = list(prepared)
        self.asked: list[Asked] = []
        self.hangs_up = False
        """Whether to close each connection after its answer, without a header that says so."""

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> AnswerServer:
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                with suppress(OSError):  # the other side may leave at any time
                    owner._serve(self)

            do_GET = do_HEAD = do_DELETE = do_CONNECT = do_POST

            def log_message(self, *_: object) -> None:
                return None

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if self._context is not None:
            self._server.socket = self._context.wrap_socket(self._server.socket, server_side=True)
        Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in handler.headers.items()}
        port = handler.client_address[1]
        self.asked.append(Asked(handler.command, handler.path, headers, parse_qs(body.decode()), port, body))
        answer = self.prepared.pop(0) if len(self.prepared) > 1 else self.prepared[0]
        time.sleep(answer.delay)
        if answer.raw is not None:
            handler.wfile.write(answer.raw)
            handler.close_connection = True
            return
        handler.send_response(answer.status)
        length = len(answer.body) if answer.length is None else answer.length
        for name, value in {"Content-Length": str(length), **answer.headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        for start in range(0, len(answer.body) if handler.command != "HEAD" else 0, answer.chunk):
            handler.wfile.write(answer.body[start : start + answer.chunk])
            time.sleep(answer.pause)
        if self.hangs_up or length != len(answer.body):
            handler.close_connection = True
            handler.connection.shutdown(socket.SHUT_RDWR)


@contextmanager
def answer_servers() -> Iterator[Callable[..., AnswerServer]]:
    """Yield a function that starts a server with prepared answers. All are stopped at the end."""
    with ExitStack() as running:
        yield lambda *prepared: running.enter_context(AnswerServer(*prepared))


def hide_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove the variables that name proxies."""
    for name in ("http_proxy", "https_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
