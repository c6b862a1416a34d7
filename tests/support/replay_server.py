"""A model server with real scikit-learn models: the Open Inference Protocol v2 and MLflow's `/invocations`.

``python replay_server.py FOLDER`` trains two versions of three models on bundled data, writes the log of both versions
below FOLDER, then listens on a free port of loopback and writes it to ``FOLDER/port``. It serves the restored version.
``POST /control`` sets the faults of requests by their ids, ``{"faults": {"cancer-42-0": "hang"}}``; `*` stands for all.
"""

from __future__ import annotations

import json
import socket
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HANG_SECONDS = 30
VERSIONS = ("42", "41")
"""The failed version, which sees few features, and the restored one."""


def train(name: str) -> tuple[dict[str, Any], Any, Any]:
    """Return the model of each version, the inputs and the labels."""
    inputs, labels = {"cancer": load_breast_cancer, "digits": load_digits, "diabetes": load_diabetes}[name](
        return_X_y=True
    )
    few = list(range(3)) if name != "digits" else list(range(20, 44))
    first = LinearRegression() if name == "diabetes" else LogisticRegression(max_iter=200)
    second = LinearRegression() if name == "diabetes" else LogisticRegression(max_iter=200)
    half = slice(0, len(labels) // 2)
    failed = make_pipeline(make_column_transformer((StandardScaler(), few)), first).fit(inputs[half], labels[half])
    restored = make_pipeline(StandardScaler(), second).fit(inputs[half], labels[half])
    return dict(zip(VERSIONS, (failed, restored), strict=True)), inputs, labels


def outputs_of(name: str, model: Any, inputs: Any) -> list[dict[str, Any]]:
    """Return the outputs of a model as tensors."""
    if name == "cancer":
        return [tensor("score", "FP64", model.predict_proba(inputs)[:, 1])]
    if name == "digits":
        return [tensor("digit", "INT64", model.predict(inputs))]
    return [tensor("progression", "FP64", model.predict(inputs))]


def tensor(name: str, datatype: str, values: Any) -> dict[str, Any]:
    """Return an array as a tensor of the protocol."""
    return {"name": name, "datatype": datatype, "shape": list(values.shape), "data": values.ravel().tolist()}


def write_logs(folder: Path, name: str, models: dict[str, Any], inputs: Any, labels: Any) -> None:
    """Write one log with the requests of both versions, in turn, of one to four rows each."""
    random, lines, at = np.random.default_rng(7), [], 0
    while at < len(labels):
        rows = slice(at, at + int(random.integers(1, 5)))
        for version, model in models.items():
            lines.append(
                {
                    "request_id": f"{name}-{version}-{at}",
                    "time": f"2026-11-20T10:{at // 60 % 60:02}:{at % 60:02}Z",
                    "model": name,
                    "version": version,
                    "inputs": [tensor("x", "FP64", inputs[rows])],
                    "outputs": outputs_of(name, model, inputs[rows]),
                    "latency_ms": 4.0,
                    "segment": ("web", "app", "partner")[at % 3],
                    "label": labels[rows].tolist(),
                }
            )
        at = rows.stop
    (folder / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")


class Server(ThreadingHTTPServer):
    """The restored version of all models. ``faults`` are by request id; `*` is for all."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, models: dict[str, Any]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.models, self.faults, self.asked = models, dict[str, str](), dict[str, int]()
        self.delay = 0.0


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 20
    server: Server

    def do_GET(self) -> None:
        self._answer(200, {"asked": self.server.asked})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/control":
            self.server.faults = body.get("faults", {})
            self.server.delay, self.server.asked = body.get("delay", 0.0), {}
            self._answer(200, {})
            return
        request_id = str(body.get("id", self.path))
        self.server.asked[request_id] = self.server.asked.get(request_id, 0) + 1
        time.sleep(self.server.delay)
        fault = self.server.faults.get(request_id) or self.server.faults.get("*", "")
        if self.path == "/invocations":
            name = "diabetes"
            outputs = outputs_of(name, self.server.models[name], np.array(body["inputs"]))
            self._answer(200, {"predictions": outputs[0]["data"]})
            return
        name = self.path.split("/")[3]
        if name not in self.server.models:
            self._answer(404, {"error": f"Model {name} not found"})
            return
        given = body["inputs"][0]
        inputs = np.array(given["data"], dtype=float).reshape(given["shape"])
        self._faulty(
            fault, {"model_name": name, "id": request_id, "outputs": outputs_of(name, self.server.models[name], inputs)}
        )

    def _faulty(self, fault: str, answer: dict[str, Any]) -> None:
        """Answer, or fail in the way that was ordered."""
        output = answer["outputs"][0]
        if fault == "server-error":
            self._answer(500, {"error": "feature store: connection refused"})
        elif fault == "hang":
            time.sleep(HANG_SECONDS)
        elif fault == "reset":
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
        elif fault == "garbage":
            self._send(200, b"<html>busy</html>")
        else:
            if fault == "wrong-shape":
                output |= {"shape": [len(output["data"]) + 1], "data": [*output["data"], 0]}
            elif fault == "other-name":
                output["name"] = "other"
            elif fault == "nan":
                output["data"][0] = float("nan")
            elif fault == "wrong-format":
                output["shape"] = [99]
            self._answer(200, answer)

    def _answer(self, status: int, data: dict[str, Any]) -> None:
        self._send(status, json.dumps(data).encode())

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return None


def main(folder: Path) -> None:
    """Train, write the logs, and serve until the end of the process."""
    served = {}
    for name in ("cancer", "digits", "diabetes"):
        models, inputs, labels = train(name)
        write_logs(folder, name, models, inputs, labels)
        served[name] = models["41"]
    server = Server(served)
    part = folder / "port.part"
    part.write_text(str(server.server_address[1]))
    part.replace(folder / "port")
    server.serve_forever()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
