"""Pairs of a request and an answer, as the Open Inference Protocol or MLflow have them, in JSON lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import count
from typing import Any

from rollout_spec.core.inference import InferenceRecord, UnreadableRecord
from rollout_spec.integrations.inference_logs import fields as read
from rollout_spec.integrations.inference_logs.log_files import Entry, Located, each_entry
from rollout_spec.integrations.inference_logs.options import LogOptions
from rollout_spec.integrations.inference_logs.payloads import Answer, read_answer, read_request


def recognises(fields: Mapping[str, Any]) -> bool:
    """Return whether an entry has a request and an answer."""
    return "request" in fields and "response" in fields


def read_records(
    entries: Iterable[Entry | UnreadableRecord], options: LogOptions
) -> Iterator[Located | UnreadableRecord]:
    """Yield a record for each pair. A pair without an id gets its number in the log."""
    numbers = count(1)
    return each_entry(entries, lambda entry: Located(entry, _record(entry.fields, next(numbers))))


def _record(fields: Mapping[str, Any], number: int) -> InferenceRecord:
    request, response = fields.get("request"), fields.get("response")
    status = read.status(fields, "status", 0 if response is None else 200)
    answer = read_answer(response) if status == 200 else Answer(())
    request_id = read.text(request, "id") if isinstance(request, dict) else None
    return InferenceRecord(
        request_id=read.text(fields, "id") or request_id or answer.request_id or f"entry-{number}",
        time=read.time(fields.get("time"), "time"),
        model=read.text(fields, "model") or answer.model,
        version=read.text(fields, "version") or answer.version,
        inputs=read_request(request),
        outputs=answer.outputs,
        status=status,
        latency_ms=read.number(fields, "latency_ms"),
        segment=read.text(fields, "segment"),
        label=read.labels(fields.get("label")),
        weight=read.weight(fields, "weight"),
    )
