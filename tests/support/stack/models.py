"""Two versions of a fraud model, trained here, each behind a server of its own."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests
from real_servers import require

from stack.programs import answers, running

SERVER = Path(__file__).with_name("model_server.py")
VERSIONS = {"41": 1.0, "42": 0.1, "43": 0.01}
"""The regularization of each version's model."""
FEATURES = 4


@dataclass(frozen=True)
class RunningModel:
    """A running version. ``digest`` is that of its file."""

    version: str
    digest: str
    port: int

    def fail(self, failing: bool = True) -> None:
        """Let each prediction fail, or work again."""
        answer = requests.post(f"http://127.0.0.1:{self.port}/control", json={"failing": failing}, timeout=30)
        assert answer.json() == {"failing": failing}


def train(folder: Path, versions: Sequence[str] = ("41", "42")) -> dict[str, Path]:
    """Train some versions, and return the file of each."""
    try:
        import joblib
        from sklearn.datasets import make_classification
        from sklearn.linear_model import LogisticRegression
    except ImportError:
        require(False, "scikit-learn is not installed: make e2e")
        raise
    inputs, labels = make_classification(n_samples=2000, n_features=FEATURES, weights=[0.9], random_state=7)
    files = {version: folder / f"fraud-{version}.joblib" for version in versions}
    for version, file in files.items():
        joblib.dump(LogisticRegression(C=VERSIONS[version]).fit(inputs, labels), file)
    return files


@contextmanager
def models_running(files: Mapping[str, Path]) -> Iterator[dict[str, RunningModel]]:
    """Start a server for each version."""
    with ExitStack() as stack:
        servers = {}
        for version, file in files.items():
            port_file = file.with_suffix(".port")
            command = [sys.executable, SERVER, file, version, port_file]

            def is_ready(port_file: Path = port_file) -> bool:
                return port_file.exists() and answers(f"http://127.0.0.1:{port_file.read_text()}/")

            stack.enter_context(running(f"model {version}", command, file.with_suffix(".log"), is_ready))
            digest = hashlib.sha256(file.read_bytes()).hexdigest()
            servers[version] = RunningModel(version, digest, int(port_file.read_text()))
        yield servers
