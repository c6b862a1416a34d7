"""Inference tables of Databricks, exported as Parquet or JSON lines: one row for each request."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from rollout_spec.core.inference import InferenceRecord, UnreadableRecord
from rollout_spec.integrations.inference_logs import fields as read
from rollout_spec.integrations.inference_logs.events import segment_of, string_map
from rollout_spec.integrations.inference_logs.log_files import Entry, Located, each_entry
from rollout_spec.integrations.inference_logs.options import LogOptions
from rollout_spec.integrations.inference_logs.payloads import Answer, read_answer, read_request

_IDS = ("databricks_request_id", "invocation_id")
_TIMES = ("request_time", "event_time")
_LATENCIES = ("execution_duration_ms", "execution_time_ms", "latency_ms")
"""Names of columns: AI Gateway, the older tables, and the Unity gateway."""


def recognises(fields: Mapping[str, Any]) -> bool:
    """Return whether an entry has the id of such a table, a request and a status."""
    return any(name in fields for name in _IDS) and {"request", "response", "status_code"} <= fields.keys()


def read_records(
    entries: Iterable[Entry | UnreadableRecord], options: LogOptions
) -> Iterator[Located | UnreadableRecord]:
    """Yield a record for each row."""
    return each_entry(entries, lambda entry: Located(entry, _record(entry.fields, options)))


def _record(fields: Mapping[str, Any], options: LogOptions) -> InferenceRecord:
    lost = fields.get("logging_error_codes")
    if lost:
        codes = ", ".join(map(str, lost)) if isinstance(lost, list) else str(lost)
        raise read.FieldError(f"Databricks did not log it whole: {read.shown(codes)}")
    metadata = string_map(fields.get("request_metadata"))
    status = read.status(fields, "status_code", None)
    answer = read_answer(fields.get("response")) if status == 200 else Answer(())
    request = fields.get("request")
    served = read.text(fields, "served_entity_id")
    return InferenceRecord(
        request_id=read.required_text(fields, _first(fields, _IDS)),
        time=_time(fields),
        model=read.text(metadata, "model_name") or answer.model,
        version=(options.endpoints.get(served) if served else None)
        or read.text(metadata, "model_version")
        or answer.version,
        inputs=() if request is None and status != 200 else read_request(request),
        outputs=answer.outputs,
        status=status,
        latency_ms=read.number(fields, _first(fields, _LATENCIES)),
        segment=segment_of({}, metadata, options),
        weight=_weight(fields),
    )


def _first(fields: Mapping[str, Any], names: tuple[str, ...]) -> str:
    """Return the first name whose column has a value, else the first name."""
    return next((name for name in names if fields.get(name) is not None), names[0])


def _time(fields: Mapping[str, Any]) -> datetime | None:
    if fields.get("timestamp_ms") is not None:
        return read.epoch_time(fields, "timestamp_ms", timedelta(milliseconds=1))
    name = _first(fields, _TIMES)
    return read.time(fields.get(name), name)


def _weight(fields: Mapping[str, Any]) -> float:
    """Return the number of requests that a sampled one stands for."""
    fraction = read.number(fields, "sampling_fraction")
    if fraction is not None and not 0 < fraction <= 1:
        raise read.FieldError(f"`sampling_fraction` is {fraction:g}, but a fraction is above 0 and at most 1")
    return 1.0 if fraction is None else 1.0 / fraction
