"""MLflow's own scoring server with a scikit-learn model of replay_server.py.

``python mlflow_server.py NAME PORT`` trains the restored version, saves it as an MLflow model, and serves it.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import mlflow.sklearn
import uvicorn
from mlflow.pyfunc import load_model, scoring_server
from replay_server import train


def main(name: str, port: int) -> None:
    """Serve until the end of the process."""
    models, _, _ = train(name)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model")
        mlflow.sklearn.save_model(models["41"], path, pip_requirements=[], serialization_format="cloudpickle")
        uvicorn.run(scoring_server.init(load_model(str(path))), host="127.0.0.1", port=port, log_level="warning")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
