"""A program that gets posts: a channel's webhook, or the receiver of a test."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


@dataclass
class Hook:
    """The program. It answers with ``status``; ``posts`` are the headers and bodies of all requests."""

    address: str = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    posts: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    @property
    def texts(self) -> list[str]:
        """The texts of Slack's format."""
        return [str(self.data(number)["text"]) for number in range(len(self.posts))]

    def data(self, number: int) -> dict[str, Any]:
        """Return the JSON of a post."""
        content: dict[str, Any] = json.loads(self.posts[number][1])
        return content


@contextmanager
def hook(path: str = "") -> Iterator[Hook]:
    """Run the program at a free port of this machine."""
    kept = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            kept.posts.append((dict(self.headers), content))
            self.send_response(kept.status)
            for name, value in kept.headers.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, format: str, *values: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        kept.address = f"http://127.0.0.1:{server.server_address[1]}/{path}"
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield kept
        finally:
            server.shutdown()
