"""Model servers that answer a logged request once more, over HTTP.

Imports ``core``, ``integrations/http_connection.py`` and the JSON reader of the logs. To add a protocol: one module
here with the functions of ``ServerProtocol``, one line below. Start with ``client``.
"""

from __future__ import annotations

from rollout_spec.integrations.model_servers import mlflow, open_inference
from rollout_spec.integrations.model_servers.base import ServedModel, ServerProtocol, UnusableAnswerError
from rollout_spec.integrations.model_servers.client import ModelClient

__all__ = ["PROTOCOLS", "ModelClient", "ServedModel", "ServerProtocol", "UnusableAnswerError"]

PROTOCOLS: dict[str, ServerProtocol] = {"v2": open_inference, "mlflow": mlflow}
"""The protocols by name: the Open Inference Protocol v2, and the scoring server of MLflow."""
