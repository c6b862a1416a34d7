"""A host serves a bare repository over git's smart HTTP, and an API beside it, to those who show the right token."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit


@dataclass(frozen=True)
class Request:
    """What the API was asked: the path below its root, decoded, and the body as JSON."""

    verb: str
    path: str
    query: dict[str, str]
    body: Any
    headers: dict[str, str]


@dataclass(frozen=True)
class Answer:
    """What it answered; ``body`` is JSON, None for an empty one."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


class Host:
    """One server on loopback. An API is a subclass: its root, and an answer to each request."""

    root = "/"

    def __init__(self, remote: Path, name: str = "acme/models") -> None:
        self.remote = remote
        self.name = name
        self.tokens = {"s3cret-t0ken": "release-bot"}
        self.asked: list[tuple[Request, Answer]] = []
        self.raw: list[str] = []
        self.failures: list[Answer] = []
        self.lock = threading.RLock()
        self.url = ""
        self.moved_to = ""
        """Where git is sent on to, instead of an answer."""
        self.skew = 0.0
        """How many seconds the clock of this host is ahead."""
        self.git_saw: list[str] = []
        """What git showed of itself, request by request; empty where it showed nothing."""

    def gate(self, phase: str, label: str, content: bytes) -> Answer | None:
        """Be passed by each request ``before`` it has an effect and ``after`` it: a test may block, answer or raise."""
        return None

    # What an API says.

    def answer(self, request: Request, user: str) -> Answer:
        raise NotImplementedError

    def denied(self) -> Answer:
        raise NotImplementedError

    def user(self, headers: dict[str, str]) -> str | None:
        """Return who shows a token that is known, in a header of its own or as the password that git sends."""
        scheme, _, shown = headers.get("authorization", "").partition(" ")
        if scheme == "Basic":
            shown = base64.b64decode(shown).decode().partition(":")[2]
        return self.tokens.get(shown)

    def git(self, *words: str, stdin: str | None = None) -> str:
        """Ask the bare repository."""
        identity = {f"GIT_{role}_{what}": "forge" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        done = subprocess.run(
            ["git", *words],
            cwd=self.remote,
            env={**os.environ, **identity},
            input=stdin,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip() if done.returncode == 0 else ""

    # The server.

    @contextmanager
    def running(self) -> Iterator[None]:
        handler = type("Handler", (_Handler,), {"host": self})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        server.daemon_threads = True
        self.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()
            server.server_close()

    @property
    def clone_url(self) -> str:
        return f"{self.url}/{self.name}.git"


class _Handler(BaseHTTPRequestHandler):
    host: Host
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # it holds each body back for 40 ms, until its headers are acknowledged

    def date_time_string(self, timestamp: float | None = None) -> str:
        return super().date_time_string((timestamp or time.time()) + self.host.skew)

    def log_message(self, format: str, *args: Any) -> None:
        self.host.raw.append(format % args)

    def _handle(self) -> None:
        content = self._content()
        try:
            self._pass(content)
        except ConnectionError:
            self.close_connection = True

    def _pass(self, content: bytes) -> None:
        label = f"{self.command} {unquote(self.path)}"
        answer = self.host.gate("before", label, content)
        if answer is not None:
            body = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
            self._send(answer.status, body, answer.headers)
            return
        self._serve(content, lambda: self.host.gate("after", label, content))

    def _serve(self, content: bytes, done: Callable[[], object]) -> None:
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        if parts.path.startswith(f"/{self.host.name}.git/"):
            self._git(parts.path, parts.query, headers, content, done)
            return
        body = json.loads(content) if content else None
        path = unquote(parts.path)
        request = Request(self.command, path, dict(parse_qsl(parts.query, keep_blank_values=True)), body, headers)
        with self.host.lock:
            answer = self._api(request)
            self.host.asked.append((request, answer))
        done()
        self._send(answer.status, json.dumps(answer.body).encode() if answer.body is not None else b"", answer.headers)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _handle

    def _api(self, request: Request) -> Answer:
        if self.host.failures:
            return self.host.failures.pop(0)
        user = self.host.user(request.headers)
        return self.host.answer(request, user) if user else self.host.denied()

    def _content(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            parts = []
            while size := int(self.rfile.readline(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _git(
        self, path: str, query: str, headers: dict[str, str], content: bytes, passed: Callable[[], object]
    ) -> None:
        """Run git's own server on the bare repository, as CGI."""
        self.host.git_saw.append(headers.get("authorization", ""))
        if self.host.moved_to:
            moved = self.host.moved_to + path.removeprefix(f"/{self.host.name}.git") + (f"?{query}" if query else "")
            self._send(301, b"", {"Location": moved})
            return
        user = self.host.user(headers)
        if user is None:
            self._send(401, b"denied", {"WWW-Authenticate": 'Basic realm="git"'})
            return
        inner = path.removeprefix(f"/{self.host.name}.git")
        done = subprocess.run(
            ["git", "-c", "safe.directory=*", "http-backend"],
            input=content,
            capture_output=True,
            env={
                **os.environ,
                "GIT_PROJECT_ROOT": str(self.host.remote.parent),
                "GIT_HTTP_EXPORT_ALL": "1",
                "PATH_INFO": f"/{self.host.remote.name}{inner}",
                "QUERY_STRING": query,
                "REQUEST_METHOD": self.command,
                "CONTENT_TYPE": headers.get("content-type", ""),
                "CONTENT_LENGTH": str(len(content)),
                "HTTP_CONTENT_ENCODING": headers.get("content-encoding", ""),
                "GIT_PROTOCOL": headers.get("git-protocol", ""),
                "REMOTE_USER": user,
                "REMOTE_ADDR": "127.0.0.1",
            },
        )
        head, _, body = done.stdout.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line)
        status = int(fields.pop("Status", "200").split()[0])
        passed()
        self._send(status, body, fields)

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in ({"Content-Type": "application/json; charset=utf-8"} | headers).items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if status != 204:
            self.wfile.write(body)
