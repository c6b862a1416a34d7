"""The project's own log: one JSON object for each request, with the fields of `InferenceRecord`."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from rollout_spec.core.inference import InferenceRecord, Scalar, Tensor, UnreadableRecord
from rollout_spec.core.tensors import tensors_of_columns
from rollout_spec.integrations.inference_logs import fields as read
from rollout_spec.integrations.inference_logs.log_files import Entry, Located, each_entry
from rollout_spec.integrations.inference_logs.options import LogOptions
from rollout_spec.integrations.json_text import read_json


def recognises(fields: Mapping[str, Any]) -> bool:
    """Return whether an entry has an id and inputs in this form."""
    return "request_id" in fields and "inputs" in fields


def read_records(
    entries: Iterable[Entry | UnreadableRecord], options: LogOptions
) -> Iterator[Located | UnreadableRecord]:
    """Yield a record for each entry."""
    return each_entry(entries, lambda entry: Located(entry, _record(entry.fields)))


def write_record(record: InferenceRecord) -> str:
    """Return a record as one line of JSON, without the line end."""
    fields: dict[str, Any] = {
        "request_id": record.request_id,
        "time": record.time.isoformat() if record.time else None,
        "model": record.model,
        "version": record.version,
        "inputs": [_tensor_fields(tensor) for tensor in record.inputs],
        "outputs": [_tensor_fields(tensor) for tensor in record.outputs],
        "status": record.status,
        "latency_ms": record.latency_ms,
        "segment": record.segment,
        "label": None if record.label is None else list(record.label),
        "weight": record.weight,
    }
    return json.dumps({name: value for name, value in fields.items() if value is not None}, ensure_ascii=False)


def _record(fields: Mapping[str, Any]) -> InferenceRecord:
    label = read.labels(fields.get("label"))
    return read.own_record(fields, _tensors(fields, "inputs"), _tensors(fields, "outputs"), label)


def _tensors(fields: Mapping[str, Any], name: str) -> tuple[Tensor, ...]:
    """Return tensors from a list of them, or from an object of values by feature."""
    value = fields.get(name)
    if value is None and name == "inputs":
        raise read.FieldError("it has no `inputs`")
    if isinstance(value, str):  # a column of Parquet
        value = read_json(value)
    if isinstance(value, dict):
        return tensors_of_columns(value)
    return read.tensors([] if value is None else value, name)


def _tensor_fields(tensor: Tensor) -> dict[str, Any]:
    return {
        "name": tensor.name,
        "datatype": tensor.datatype,
        "shape": list(tensor.shape),
        "data": [_json_value(value) for value in tensor.data],
    }


def _json_value(value: Scalar) -> Scalar:
    """Return a value that strict JSON can hold: NaN and the infinities as text."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value
