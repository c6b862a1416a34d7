"""A real MLflow server on loopback, with versions of a model from real training runs."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

TRAINING = """\
import hashlib, json, sys, warnings
import mlflow
from mlflow.models import infer_signature
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

warnings.simplefilter("ignore")
mlflow.set_tracking_uri(sys.argv[1])
frame, labels = load_breast_cancer(return_X_y=True, as_frame=True)
frame = frame[["mean radius", "mean texture"]].rename(columns=lambda name: name.replace(" ", "_"))
train, test = frame[::2], frame[1::2]
digest = "sha256:" + hashlib.sha256(train.to_csv().encode()).hexdigest()
for strength in json.loads(sys.argv[2]):
    with mlflow.start_run():
        model = LogisticRegression(C=strength).fit(train, labels[::2])
        mlflow.log_metric("auc", float(roc_auc_score(labels[1::2], model.predict_proba(test)[:, 1])))
        mlflow.set_tag("rollout-spec.datasetDigest", digest)
        signature = infer_signature(train, model.predict(train))
        mlflow.sklearn.log_model(
            model, name="model", registered_model_name="fraud", signature=signature,
            serialization_format="cloudpickle", pip_requirements=[],
        )
"""
_SECONDS = 120


@dataclass(frozen=True)
class MlflowServer:
    """The server. ``stored`` is the folder with its artifacts."""

    address: str
    stored: Path

    def call(self, method: str, path: str, **fields: Any) -> Any:
        """Call the REST API, as somebody else than our program would."""
        query, body = (fields, None) if method == "GET" else (None, fields)
        address = f"{self.address}/api/2.0/mlflow/{path}"
        answer = requests.request(method, address, params=query, json=body, timeout=30)
        assert answer.ok, answer.text
        return answer.json()

    def aliases(self, model: str = "fraud") -> dict[str, str]:
        """Return the versions by alias."""
        model = self.call("GET", "registered-models/get", name=model)["registered_model"]
        return {each["alias"]: each["version"] for each in model.get("aliases", [])}  # type: ignore[attr-defined]

    def tags(self, version: str, model: str = "fraud") -> dict[str, str]:
        """Return the tags of a version."""
        found = self.call("GET", "model-versions/get", name=model, version=version)["model_version"]
        return {each["key"]: each["value"] for each in found.get("tags", [])}

    def run_id(self, version: str, model: str = "fraud") -> str:
        """Return the run of a version."""
        found: str = self.call("GET", "model-versions/get", name=model, version=version)["model_version"]["run_id"]
        return found

    def copy_model(self, name: str, folder: Path) -> None:
        """Register the versions of fraud once more under another name, with artifacts of their own in a folder."""
        self.call("POST", "registered-models/create", name=name)
        versions = self.call("GET", "model-versions/search", filter="name='fraud'")["model_versions"]
        for version in sorted(versions, key=lambda each: int(each["version"])):
            place = {"name": "fraud", "version": version["version"]}
            stored = self.call("GET", "model-versions/get-download-uri", **place)["artifact_uri"]
            shutil.copytree(self.stored / stored.removeprefix("mlflow-artifacts:/"), folder / version["version"])
            self.call(
                "POST",
                "model-versions/create",
                name=name,
                source=version["source"],
                run_id=version["run_id"],
                model_id=version["source"].removeprefix("models:/"),
            )


@contextmanager
def mlflow_server(folder: Path, strengths: list[float]) -> Iterator[MlflowServer]:
    """Start a server, and train one version for each strength of regularization."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    stored, program = folder / "stored", Path(sys.executable).parent / "mlflow"
    environment = {
        **os.environ,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
        "GIT_PYTHON_REFRESH": "quiet",
    }
    words = [str(program), "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    words += ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--artifacts-destination", str(stored)]
    server = MlflowServer(f"http://127.0.0.1:{port}", stored)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(words, cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True)
        try:
            _wait(process, server.address, folder / "log")
            subprocess.run(
                [sys.executable, "-c", TRAINING, server.address, json.dumps(strengths)],
                cwd=folder,
                env=environment,
                stdout=log,
                stderr=log,
                check=True,
                timeout=_SECONDS,
            )
            yield server
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # it waits for its workers, and keeps nothing of value
            process.wait(30)


def _wait(process: subprocess.Popen[bytes], address: str, log: Path) -> None:
    end = time.monotonic() + _SECONDS
    while time.monotonic() < end:
        assert process.poll() is None, log.read_text("utf-8", "replace")[-3000:]
        with suppress(requests.ConnectionError):
            if requests.get(f"{address}/health", timeout=5).ok:
                return
        time.sleep(0.2)
    raise AssertionError(f"MLflow is not ready\n{log.read_text('utf-8', 'replace')[-3000:]}")
