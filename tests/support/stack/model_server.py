"""A model server: loads one scikit-learn model and answers predictions. ``POST /control`` lets it fail or recover.

``python model_server.py MODEL VERSION PORT_FILE`` listens on a free port of loopback and writes the port to a file.
"""

from __future__ import annotations

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import joblib


class ModelServer(ThreadingHTTPServer):
    """One version of a model. ``is_failing``: each prediction ends with status 500."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, model: Any, version: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.model, self.version, self.is_failing = model, version, False


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 4096  # one packet for each answer: a second one waits 40 ms for the receipt of the first
    server: ModelServer

    def do_GET(self) -> None:
        self._answer(200, {"version": self.server.version})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/control":
            self.server.is_failing = body["failing"]
            self._answer(200, {"failing": self.server.is_failing})
        elif self.server.is_failing:
            self._answer(500, {"error": "feature store: connection refused"})
        else:
            score = float(self.server.model.predict_proba([body["features"]])[0][1])
            self._answer(200, {"score": score})

    def _answer(self, status: int, data: dict[str, object]) -> None:
        body = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("x-model-version", self.server.version)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


def main(model: str, version: str, port_file: str) -> None:
    """Serve one model until a signal ends it."""
    with ModelServer(joblib.load(model), version) as server:
        new = Path(f"{port_file}.new")
        new.write_text(str(server.server_address[1]), "utf-8")
        new.rename(port_file)
        server.serve_forever()


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main(*sys.argv[1:])
