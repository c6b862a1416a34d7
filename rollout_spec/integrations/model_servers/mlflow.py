"""The scoring server of MLflow: ``POST /invocations``.

Source: https://mlflow.org/docs/latest/ml/deployment/deploy-model-locally/#json-input
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from rollout_spec.core.inference import InferenceRecord, Tensor
from rollout_spec.core.tensors import TensorError, tensor_of_rows, tensors_of_columns
from rollout_spec.integrations.model_servers.base import ServedModel, encoded, json_value, object_of, rows_of

_UNNAMED = "predictions"


def path(model: ServedModel) -> str:
    """Return the path of a prediction. The server has one model, so that the address names it."""
    return "/invocations"


def request(record: InferenceRecord) -> bytes:
    """Return a request with the inputs of a record.

    Inputs with one value for each row are the columns of ``dataframe_split``. One other tensor is ``inputs``, and
    several are an object of them.
    """
    inputs = record.inputs
    rows = {tensor.shape[0] if tensor.shape else 1 for tensor in inputs}
    is_frame = all(math.prod(tensor.shape[1:]) == 1 for tensor in inputs) and len(rows) == 1
    if is_frame and not (len(inputs) == 1 and len(inputs[0].shape) > 1):
        columns = [[json_value(value) for value in tensor.data] for tensor in inputs]
        data = [list(row) for row in zip(*columns, strict=True)]
        return encoded({"dataframe_split": {"columns": [tensor.name for tensor in inputs], "data": data}})
    if len(inputs) == 1:
        return encoded({"inputs": rows_of(inputs[0])})
    return encoded({"inputs": {tensor.name: rows_of(tensor) for tensor in inputs}})


def answer(body: bytes, record: InferenceRecord) -> tuple[Tensor, ...]:
    """Return the predictions of an answer. An unnamed one gets the name of a single logged output."""
    predictions = object_of(body).get("predictions")
    if isinstance(predictions, dict):
        return tensors_of_columns(predictions)
    if not isinstance(predictions, list):
        raise TensorError("the answer has no `predictions`")
    tensors = tensor_of_rows(_UNNAMED, predictions)
    is_unnamed = len(tensors) == 1 and tensors[0].name == _UNNAMED and not _has_names(predictions)
    if is_unnamed and len(record.outputs) == 1:
        return (replace(tensors[0], name=record.outputs[0].name),)
    return tensors


def _has_names(predictions: list[Any]) -> bool:
    """Return whether the rows are objects, which name their values."""
    return any(isinstance(row, dict) for row in predictions)
