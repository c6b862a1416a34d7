"""The logger of KServe: CloudEvents, or objects that its blob store writes.

Requests and answers are apart and have the same id. KServe logs an answer only if its status is 200, and gives it the
content type of the request. An event names the endpoint, not the version.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from rollout_spec.core.inference import InferenceRecord, UnreadableRecord
from rollout_spec.integrations.inference_logs import fields as read
from rollout_spec.integrations.inference_logs.events import (
    decode,
    event_fields,
    event_type,
    segment_of,
    string_map,
    version_of,
)
from rollout_spec.integrations.inference_logs.joining import REQUEST, RESPONSE, Half, join_halves
from rollout_spec.integrations.inference_logs.log_files import Entry, Located, each_entry
from rollout_spec.integrations.inference_logs.options import LogOptions
from rollout_spec.integrations.inference_logs.payloads import Answer, read_answer, read_request

_TYPES = {
    "org.kubeflow.serving.inference.request": REQUEST,
    "org.kubeflow.serving.inference.response": RESPONSE,
}


def recognises(fields: Mapping[str, Any]) -> bool:
    """Return whether an entry is an event of KServe, or an object of its blob store."""
    stored = {name.lower() for name in fields}
    return event_type(fields) in _TYPES or {"bytes", "reqtype", "id"} <= stored


def read_records(
    entries: Iterable[Entry | UnreadableRecord], options: LogOptions
) -> Iterator[Located | UnreadableRecord]:
    """Yield a record for each request, with its answer if one is logged."""
    return join_halves(each_entry(entries, _half), lambda request, response: _record(request, response, options))


def _half(entry: Entry) -> Half:
    event = event_fields(entry.fields) or _stored(entry.fields)
    side = _TYPES.get(str(event.get("type")))
    if side is None:
        raise read.FieldError("it is neither a request nor an answer of KServe")
    request_id = read.required_text(event, "id")
    kept = (
        "body",
        "contenttype",
        "time",
        "recordedtime",
        "inferenceservicename",
        "endpoint",
        "metadata",
        "annotations",
    )
    places = [read.text(event, name) or "" for name in ("namespace", "inferenceservicename", "component", "endpoint")]
    key = "\n".join([*places, request_id])
    fields = {name: event[name] for name in kept if event.get(name) is not None}
    return Half(side, key, request_id, entry.file, entry.line, fields)


def _stored(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return an object of the blob store with the names of an event. Its keys may be in any case."""
    stored = {name.lower(): value for name, value in fields.items()}
    return {
        **stored,
        "type": stored.get("reqtype"),
        "inferenceservicename": stored.get("inferenceservice"),
        "time": stored.get("occurrencetime"),
        "body": decode(stored.get("bytes") or "", "bytes"),
    }


def _record(request: Half, response: Half | None, options: LogOptions) -> InferenceRecord:
    event = request.fields
    content_type = read.text(event, "contenttype")
    answer = read_answer(response.fields.get("body"), content_type) if response else Answer(())
    annotations, metadata = string_map(event.get("annotations")), string_map(event.get("metadata"))
    time = event.get("recordedtime") or event.get("time")
    return InferenceRecord(
        request_id=request.shown_id,
        time=read.time(time, "time"),
        model=read.text(event, "inferenceservicename") or answer.model,
        version=version_of(event, answer.version, options),
        inputs=read_request(event.get("body"), content_type),
        outputs=answer.outputs,
        status=200 if response else 0,
        segment=segment_of(annotations, metadata, options),
    )
