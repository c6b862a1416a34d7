"""A server that keeps every byte it is sent, and asks for more: nothing that is secret may be among them."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

ASK = (
    b'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm="x"\r\n'
    b"Content-Length: 2\r\nConnection: close\r\n\r\n{}"
)


class Snoop:
    """``heard`` has what each connection sent."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    @contextmanager
    def running(self) -> Iterator[Snoop]:
        thread = threading.Thread(target=self._serve, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._socket.shutdown(socket.SHUT_RDWR)
            thread.join()
            self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(0.5)
                self.heard.append(b"")
                try:
                    while b"\r\n\r\n" not in self.heard[-1]:
                        part = connection.recv(65536)
                        if not part:
                            break
                        self.heard[-1] += part
                    connection.sendall(ASK)
                except OSError:
                    continue
