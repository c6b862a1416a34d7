"""A server that answers in a way that has no end: byte by byte, without end, again and again, or not at all."""

from __future__ import annotations

import gzip
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

PAUSE = 0.1
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


class Slow:
    """Each connection is served by ``behave``, until the test is over."""

    def __init__(self, behave: str) -> None:
        self._behave: Callable[[socket.socket], None] = getattr(self, behave)
        self._over = threading.Event()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.place = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self.requests = 0

    @contextmanager
    def running(self) -> Iterator[Slow]:
        thread = threading.Thread(target=self._serve, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._over.set()
            self._socket.shutdown(socket.SHUT_RDWR)
            thread.join()
            self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.settimeout(5)
            self._behave(connection)

    def _read(self, connection: socket.socket) -> None:
        content = b""
        while b"\r\n\r\n" not in content:
            part = connection.recv(65536)
            if not part:
                raise OSError("it hung up")
            content += part
        self.requests += 1

    def _drip(self, connection: socket.socket, content: bytes) -> None:
        while not self._over.wait(PAUSE):
            connection.sendall(content)

    # How it may behave.

    def body_by_bytes(self, connection: socket.socket) -> None:
        self._read(connection)
        connection.sendall(OK + b"Content-Length: 100000\r\n\r\n[")
        self._drip(connection, b" ")

    def chunks_by_bytes(self, connection: socket.socket) -> None:
        self._read(connection)
        connection.sendall(OK + b"Transfer-Encoding: chunked\r\n\r\n")
        self._drip(connection, b"1\r\n \r\n")

    def headers_by_bytes(self, connection: socket.socket) -> None:
        self._read(connection)
        connection.sendall(OK + b"X-Slow: ")
        self._drip(connection, b"x")

    def silence(self, connection: socket.socket) -> None:
        """What wants a handshake waits for it, too."""
        self._over.wait()

    def to_be_continued(self, connection: socket.socket) -> None:
        self._read(connection)
        self._drip(connection, b"HTTP/1.1 100 Continue\r\n\r\n")

    def endless_body(self, connection: socket.socket) -> None:
        self._read(connection)
        connection.sendall(OK + b"Content-Length: 100000000000\r\n\r\n[")
        while not self._over.is_set():
            connection.sendall(b" " * 1_000_000)

    def bomb(self, connection: socket.socket) -> None:
        self._read(connection)
        content = gzip.compress(b" " * 200_000_000, 1)
        connection.sendall(OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(content) + content)

    def in_circles(self, connection: socket.socket) -> None:
        while True:
            self._read(connection)
            self._over.wait(PAUSE)
            connection.sendall(
                b"HTTP/1.1 301 Moved\r\nLocation: /api/v1/%d\r\nContent-Length: 2\r\n\r\n{}" % self.requests
            )

    def later(self, connection: socket.socket) -> None:
        while True:
            self._read(connection)
            connection.sendall(b"HTTP/1.1 503 Later\r\nRetry-After: 5\r\nContent-Length: 2\r\n\r\n{}")

    def accepted(self, connection: socket.socket) -> None:
        """PyGithub asks again, after two seconds each time."""
        while True:
            self._read(connection)
            connection.sendall(b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\n{}")
