"""Data capture of SageMaker: one JSON line for each request, with its answer."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from rollout_spec.core.inference import InferenceRecord, UnreadableRecord
from rollout_spec.integrations.inference_logs import fields as read
from rollout_spec.integrations.inference_logs.events import decode
from rollout_spec.integrations.inference_logs.log_files import Entry, Located, each_entry
from rollout_spec.integrations.inference_logs.options import LogOptions
from rollout_spec.integrations.inference_logs.payloads import Answer, read_answer, read_request

_FOLDERS = re.compile(r"(?:.*/)?([^/]+)/([^/]+)/\d{4}/\d{2}/\d{2}/\d{2}/[^/]+")
"""The path of a file: endpoint, variant, and the hour."""
_CONTENT_TYPES = {"CSV": "text/csv", "JSON": "application/json"}


def recognises(fields: Mapping[str, Any]) -> bool:
    """Return whether an entry has captured data."""
    return "captureData" in fields and "eventMetadata" in fields


def read_records(
    entries: Iterable[Entry | UnreadableRecord], options: LogOptions
) -> Iterator[Located | UnreadableRecord]:
    """Yield a record for each entry."""
    return each_entry(entries, lambda entry: Located(entry, _record(entry, options), _label_key(entry)))


def _label_key(entry: Entry) -> str | None:
    """Return the id by which labels are joined: the caller's id if there is one, else that of the event."""
    metadata = _mapping(entry.fields, "eventMetadata")
    return read.text(metadata, "inferenceId") or read.text(metadata, "eventId")


def _record(entry: Entry, options: LogOptions) -> InferenceRecord:
    captured, metadata = _mapping(entry.fields, "captureData"), _mapping(entry.fields, "eventMetadata")
    folders = _FOLDERS.fullmatch(entry.file)
    answer = Answer(())
    if captured.get("endpointOutput") is not None:
        answer = read_answer(*_body(_mapping(captured, "endpointOutput")))
    return InferenceRecord(
        request_id=read.required_text(metadata, "eventId"),
        time=read.time(metadata.get("inferenceTime"), "inferenceTime"),
        model=folders[1] if folders else answer.model,
        version=(options.endpoints.get(folders[2]) if folders else None) or answer.version,
        inputs=read_request(*_body(_mapping(captured, "endpointInput"))),
        outputs=answer.outputs,
        status=200 if captured.get("endpointOutput") is not None else 0,
    )


def _body(data: Mapping[str, Any]) -> tuple[str, str | None]:
    """Return the text and the content type of captured data."""
    text, encoding = data.get("data"), data.get("encoding")
    observed = read.text(data, "observedContentType")
    if not isinstance(text, str):
        raise read.FieldError("`data` is not a text")
    if encoding == "BASE64":
        return decode(text, "data"), observed
    if not isinstance(encoding, str) or encoding not in _CONTENT_TYPES:
        raise read.FieldError("`encoding` is neither CSV nor JSON nor BASE64")
    return text, _CONTENT_TYPES[encoding]


def _mapping(fields: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = fields.get(name)
    if not isinstance(value, Mapping):
        raise read.FieldError(f"it has no object `{name}`")
    return value
