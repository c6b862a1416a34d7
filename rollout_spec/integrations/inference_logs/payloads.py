"""Bodies of requests and answers: Open Inference Protocol, `instances`, MLflow, and CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rollout_spec.core.inference import Scalar, Tensor
from rollout_spec.core.tensors import TensorError, tensor_of_rows, tensors_of_columns, tensors_of_objects
from rollout_spec.core.text import excerpt
from rollout_spec.integrations.inference_logs import fields as read
from rollout_spec.integrations.json_text import JsonError, read_json

INPUTS = "inputs"
"""The name of inputs that have none in the request."""
PREDICTIONS = "predictions"
"""The name of outputs that have none in the answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The body of an answer, with the names that it may hold."""

    outputs: tuple[Tensor, ...]
    request_id: str | None = None
    model: str | None = None
    version: str | None = None


def read_request(body: Any, content_type: str | None = None) -> tuple[Tensor, ...]:
    """Return the inputs of a request. ``body`` is its text, or its JSON value."""
    value = _value(body, content_type, INPUTS)
    if isinstance(value, tuple):
        return value
    if isinstance(value, list):
        return tensor_of_rows(INPUTS, value)
    if not isinstance(value, dict):
        raise read.FieldError("the request is neither an object nor a list")
    if "dataframe_split" in value:
        return _data_frame(value["dataframe_split"])
    if "dataframe_records" in value:
        return read.unique(tensors_of_objects(_rows(value, "dataframe_records")))
    if "instances" in value:
        return tensor_of_rows("instances", value["instances"])
    return _named(value, INPUTS)


def read_answer(body: Any, content_type: str | None = None) -> Answer:
    """Return the outputs of an answer. ``body`` is its text, or its JSON value.

    KServe logs an answer with the content type of the request, so JSON is tried first.
    """
    value = _value(body, content_type, PREDICTIONS)
    answer = Answer(value) if isinstance(value, tuple) else _answer(value)
    if not answer.outputs:
        raise read.FieldError("the answer has no outputs")
    return answer


def _answer(value: Any) -> Answer:
    if value is None:
        raise read.FieldError("the answer is missing")
    if not isinstance(value, dict):
        rows = value if isinstance(value, list) else [value]
        return Answer(tensor_of_rows(PREDICTIONS, rows))
    if PREDICTIONS in value:
        predictions = value[PREDICTIONS]
        if isinstance(predictions, dict):
            return Answer(tensors_of_columns(predictions))
        return Answer(tensor_of_rows(PREDICTIONS, predictions))
    outputs = _named(value, "outputs")
    if "outputs" not in value:
        return Answer(outputs)
    names = (read.text(value, "id"), read.text(value, "model_name"), read.text(value, "model_version"))
    return Answer(outputs, *names)


def _named(value: Mapping[str, Any], name: str) -> tuple[Tensor, ...]:
    """Return tensors of the protocol or columns below a name, else the object as one row."""
    named = value.get(name)
    if isinstance(named, list) and named and all(isinstance(item, dict) and "datatype" in item for item in named):
        return read.tensors(named, name)
    if isinstance(named, dict):
        return tensors_of_columns(named)
    if isinstance(named, list):
        return tensor_of_rows(name, named)
    return tensors_of_columns({key: [inner] for key, inner in value.items()})


def _data_frame(value: object) -> tuple[Tensor, ...]:
    """Return a tensor for each column of a pandas table in the orientation `split`."""
    columns = value.get("columns") if isinstance(value, dict) else None
    if not isinstance(value, dict) or not isinstance(columns, list):
        raise read.FieldError("`dataframe_split` has no `columns`")
    rows = _rows(value, "data")
    if not all(isinstance(row, list) and len(row) == len(columns) for row in rows):
        raise read.FieldError(f"a row of `dataframe_split` does not have {len(columns)} values")
    names = [column if isinstance(column, str) else str(column) for column in columns]
    if len(set(names)) != len(names):
        raise read.FieldError("two columns of `dataframe_split` have the same name")
    return tensors_of_columns({name: [row[at] for row in rows] for at, name in enumerate(names)})


def _rows(value: Mapping[str, Any], name: str) -> list[Any]:
    rows = value.get(name)
    if not isinstance(rows, list):
        raise read.FieldError(f"`{name}` is not a list of rows")
    return rows


def _value(body: Any, content_type: str | None, name: str) -> Any:
    """Return the JSON value of a body, or the tensors of one in CSV."""
    if not isinstance(body, str):
        return body
    try:
        if not _is_csv(content_type) or name == PREDICTIONS:
            return read_json(body)
    except JsonError as error:
        if not _is_csv(content_type):
            raise JsonError(f"the body: {error}") from None
    return _csv(body, name)


def _is_csv(content_type: str | None) -> bool:
    return (content_type or "").partition(";")[0].strip().lower() == "text/csv"


def _csv(body: str, name: str) -> tuple[Tensor, ...]:
    """Return the rows of CSV without a header. An empty field is a missing value."""
    try:
        rows = [row for row in csv.reader(io.StringIO(body, newline=""), strict=True) if row]
    except csv.Error as error:
        raise read.FieldError(f"the body is not CSV: {excerpt(str(error))}") from None
    if len({len(row) for row in rows}) > 1:
        raise TensorError("the rows of CSV differ in their lengths")
    return tensor_of_rows(name, [[_scalar(item) for item in row] for row in rows])


def _scalar(item: str) -> Scalar:
    stripped = item.strip()
    if not stripped:
        return None
    try:
        return int(stripped) if len(stripped) < 18 else float(stripped)
    except ValueError:
        pass
    try:
        return float(stripped)
    except ValueError:
        return item
