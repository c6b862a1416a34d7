"""The example in canary-5 for 40 minutes until now, with a Prometheus that recorded its traffic: for programs with the
real clock. A front before Prometheus lets it fail in the middle.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import recorded_traffic
import requests
import served
from gated_repository import behave
from repo import Repo

ENTERED = timedelta(minutes=31)
"""The time from the first sample to the start of the stage. It is that of the recorded scenarios."""
Entered = Callable[[str, str], Repo]
"""A function that lets the candidate behave as in a scenario, judged by the Prometheus at an address."""


def begin() -> datetime:
    """Return the time of the first sample, in a whole minute."""
    return datetime.now(UTC).replace(second=0, microsecond=0) - ENTERED - timedelta(minutes=40)


@contextmanager
def recorded(folder: Path, start: datetime) -> Iterator[str]:
    """Start Prometheus with the traffic of a healthy, a failing and an idle candidate, until half an hour from now."""
    with recorded_traffic.recorded(folder, start, ("healthy", "failing", "idle")) as address:
        yield address


def enter(repo: Repo, name: str, start: datetime, address: str) -> None:
    """Let the candidate of the example enter canary-5 anew, when the traffic of a scenario reached it."""
    behave(repo, name, address)
    live = repo.live
    repo.take(lambda live: live.model_copy(update={"candidate": None, "stage": None}), "Withdraw 42")
    repo.clock[0] = start + ENTERED - timedelta(minutes=1)
    repo.take(lambda _: live, "Try 42")


def serve_gate(repo: Repo, *, reconcile: str | None = "1s") -> None:
    """Let the service judge the rollouts at an interval."""
    served.settings(repo)
    if reconcile is not None:
        set_reconcile(repo, reconcile)


def set_reconcile(repo: Repo, interval: str | None) -> None:
    """Set the interval of the passes on the base, or take it away."""
    path, line = ".rollout-spec.yaml", "  service:\n"
    text = re.sub(r"(?m)^    reconcile: .*\n", "", repo.at("HEAD", path))
    more = f"    reconcile: {interval}\n" if interval is not None else ""
    repo.write(path, text.replace(line, line + more))
    repo.commit("Set the interval")


class Front:
    """A server before Prometheus. ``behavior`` gets each body of an answer, and returns what is sent instead.

    It may wait, and may return None: the connection is closed without an answer.
    """

    def __init__(self, address: str) -> None:
        self.behavior: Callable[[bytes], bytes | None] = lambda body: body
        self.asked = 0
        self.released = threading.Event()
        front = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                front.asked += 1
                query = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {"Content-Type": self.headers["Content-Type"]}
                answer = requests.post(f"{address}{self.path}", query, headers=headers, timeout=30)
                body = front.behavior(answer.content)
                if body is None:
                    self.close_connection = True
                    return
                self.send_response(answer.status_code)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}"

    def hang(self, body: bytes) -> bytes | None:
        """Answer nothing until the end."""
        self.released.wait(120)
        return None


@contextmanager
def front_of(address: str) -> Iterator[Front]:
    """Run a server before Prometheus."""
    front = Front(address)
    threading.Thread(target=front.server.serve_forever, daemon=True).start()
    try:
        yield front
    finally:
        front.released.set()
        front.server.shutdown()
        front.server.server_close()


def refused(_: bytes) -> bytes | None:
    return None


def empty(_: bytes) -> bytes:
    return b'{"status": "success", "data": {"resultType": "matrix", "result": []}}'


def not_a_number(body: bytes) -> bytes:
    """Let the last value of each series be NaN."""
    answer = json.loads(body)
    for series in answer["data"]["result"]:
        series["values"][-1][1] = "NaN"
    return json.dumps(answer).encode()


def partial(body: bytes) -> bytes:
    return json.dumps({**json.loads(body), "warnings": ["store 10.0.0.7 is unavailable"]}).encode()


def garbage(_: bytes) -> bytes:
    return b"<html>502 Bad Gateway</html>"
