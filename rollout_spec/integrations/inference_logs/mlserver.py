"""CloudEvents of MLServer and Seldon Core: requests and answers apart, joined by their request id."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from rollout_spec.core.inference import InferenceRecord, UnreadableRecord
from rollout_spec.integrations.inference_logs import fields as read
from rollout_spec.integrations.inference_logs.events import event_fields, event_type, version_of
from rollout_spec.integrations.inference_logs.joining import REQUEST, RESPONSE, Half, join_halves
from rollout_spec.integrations.inference_logs.log_files import Entry, Located, each_entry
from rollout_spec.integrations.inference_logs.options import LogOptions
from rollout_spec.integrations.inference_logs.payloads import Answer, read_answer, read_request

_TYPES = {"io.seldon.serving.inference.request": REQUEST, "io.seldon.serving.inference.response": RESPONSE}
_FEEDBACK = "io.seldon.serving.feedback"
_UNSET = "NOTIMPLEMENTED"
"""The value of an attribute whose environment variable is not set."""


def recognises(fields: Mapping[str, Any]) -> bool:
    """Return whether an entry is an event of MLServer or Seldon Core."""
    return event_type(fields) in (*_TYPES, _FEEDBACK)


def read_records(
    entries: Iterable[Entry | UnreadableRecord], options: LogOptions
) -> Iterator[Located | UnreadableRecord]:
    """Yield a record for each request, with its answer if one is logged."""
    return join_halves(each_entry(entries, _half), lambda request, response: _record(request, response, options))


def _half(entry: Entry) -> Half:
    event = event_fields(entry.fields) or {}
    kind = str(event.get("type"))
    if kind not in _TYPES:
        wrong = "feedback is not read" if kind == _FEEDBACK else "it is neither a request nor an answer of MLServer"
        raise read.FieldError(wrong)
    request_id = read.text(event, "requestid") or read.required_text(event, "id")
    kept = ("body", "contenttype", "time", "inferenceservicename", "endpoint", "modelid")
    fields = {name: event[name] for name in kept if event.get(name) not in (None, _UNSET)}
    key = "\n".join([*(str(fields.get(name, "")) for name in kept[3:]), request_id])
    return Half(_TYPES[kind], key, request_id, entry.file, entry.line, fields)


def _record(request: Half, response: Half | None, options: LogOptions) -> InferenceRecord:
    event = request.fields
    answer = Answer(())
    if response:
        answer = read_answer(response.fields.get("body"), read.text(response.fields, "contenttype"))
    return InferenceRecord(
        request_id=request.shown_id,
        time=read.time(event.get("time"), "time"),
        model=read.text(event, "inferenceservicename") or answer.model or read.text(event, "modelid"),
        version=version_of(event, answer.version, options),
        inputs=read_request(event.get("body"), read.text(event, "contenttype")),
        outputs=answer.outputs,
        status=200 if response else 0,
    )
