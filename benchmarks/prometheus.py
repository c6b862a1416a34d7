"""A server that answers the queries of `gate` at once, with counts of a healthy candidate: a stand-in for Prometheus.

``python benchmarks/prometheus.py`` listens on a free port of loopback and prints it. ``GET /`` returns the number of
queries so far. A metric of one value has no samples.
"""

from __future__ import annotations

import json
import re
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from urllib.parse import parse_qs

_COUNTER = re.compile(r'"rollout_spec_arm", "(\w+)", "", ""\), "rollout_spec_count", "(\w+)"')
_RANGE = re.compile(r"\[([0-9a-z]+):([0-9a-z]+)\]$")
_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
_RATES = {("stable", "total"): 95, ("stable", "part"): 2, ("candidate", "total"): 5, ("candidate", "part"): 0.1}
"""The requests a second. For a latency trigger, the partial counter holds the fast ones: nearly all."""
_queries = count()


def seconds(duration: str) -> float:
    """Return a duration of Prometheus in seconds."""
    return sum(int(number) * _UNITS[unit] for number, unit in re.findall(r"(\d+)(ms|[smhd])", duration))


def answer(query: str, time: float) -> bytes:
    """Return the answer to a query with a subquery at a time."""
    found = _RANGE.search(query)
    assert found is not None, query
    length, step = seconds(found[1]), int(seconds(found[2]))
    times = range(-int(-(time - length) // step) * step, int(time) + 1, step)
    result = []
    for arm, counter in _COUNTER.findall(query):
        if counter.endswith("_time"):  # the time at which the counter was scraped
            values = [[moment, str(moment)] for moment in times]
            result.append({"metric": {"rollout_spec_arm": arm, "rollout_spec_count": counter}, "values": values})
            continue
        rate = _RATES[arm, counter]
        if counter == "part" and "_bucket" in query:
            rate = 0.998 * _RATES[arm, "total"]
        values = [[moment, str(int(rate * (moment - 1_600_000_000)))] for moment in times]
        result.append({"metric": {"rollout_spec_arm": arm, "rollout_spec_count": counter}, "values": values})
    return json.dumps({"status": "success", "data": {"resultType": "matrix", "result": result}}).encode()


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    wbufsize = 65536

    def do_GET(self) -> None:
        """Return the number of queries, and begin anew."""
        global _queries
        self.send(str(next(_queries)).encode())
        _queries = count()

    def do_POST(self) -> None:
        """Answer a query."""
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        next(_queries)
        self.send(answer(form["query"][0], float(form["time"][0])))

    def send(self, body: bytes) -> None:
        """Send a body."""
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


if __name__ == "__main__":
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        print(server.server_address[1], flush=True)
        server.serve_forever()
