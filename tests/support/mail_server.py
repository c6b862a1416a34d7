"""A mail server that keeps what it gets, with STARTTLS if it has a certificate. One connection at a time."""

from __future__ import annotations

import base64
import socketserver
import ssl
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from threading import Thread
from types import TracebackType
from typing import IO, Any


@dataclass
class MailServer:
    """The server. ``mails`` are the messages, ``logins`` the user names with their passwords."""

    context: ssl.SSLContext | None = None
    refuses: bool = False
    mails: list[str] = field(default_factory=list)
    logins: list[tuple[str, str]] = field(default_factory=list)

    def __enter__(self) -> MailServer:
        owner = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with suppress(OSError):  # the other side may leave at any time
                    owner._serve(self.request)

        self._server = socketserver.TCPServer(("127.0.0.1", 0), Handler)
        Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def address(self) -> str:
        return f"localhost:{self._server.server_address[1]}"

    def _serve(self, connection: Any) -> None:
        with ExitStack() as ending:
            self._talk(connection, ending)

    def _talk(self, connection: Any, ending: ExitStack) -> None:
        stream: IO[bytes] = connection.makefile("rwb", buffering=0)
        stream.write(b"220 ready\r\n")
        secure = False
        while line := stream.readline().strip():
            verb, _, rest = line.decode().partition(" ")
            verb = verb.upper()
            if verb == "EHLO":
                offers = ["250-here"] + (["250-STARTTLS"] if self.context and not secure else []) + ["250 AUTH PLAIN"]
                stream.write("".join(f"{each}\r\n" for each in offers).encode())
            elif verb == "STARTTLS" and self.context:
                stream.write(b"220 go\r\n")
                connection = self.context.wrap_socket(connection, server_side=True)
                ending.callback(connection.close)
                stream, secure = connection.makefile("rwb", buffering=0), True
            elif verb == "AUTH":
                _, user, password = base64.b64decode(rest.split()[1]).decode().split("\0")
                self.logins.append((user, password))
                stream.write(b"235 welcome\r\n")
            elif verb == "DATA":
                stream.write(b"354 go on\r\n")
                content = []
                while (part := stream.readline()) not in (b".\r\n", b""):
                    content.append(part.decode())
                self.mails.append("".join(content))
                stream.write(b"250 kept\r\n")
            elif verb == "QUIT":
                stream.write(b"221 bye\r\n")
                return
            else:
                stream.write(b"550 no\r\n" if self.refuses and verb == "RCPT" else b"250 fine\r\n")
