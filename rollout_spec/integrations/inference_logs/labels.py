"""Labels that are kept apart from the log, joined by the id of the request."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from rollout_spec.core.inference import Scalar, UnreadableRecord
from rollout_spec.core.text import excerpt
from rollout_spec.integrations.inference_logs import fields as read
from rollout_spec.integrations.inference_logs.log_files import UNREADABLE, log_files, read_entries
from rollout_spec.integrations.inference_logs.payloads import read_answer
from rollout_spec.integrations.inference_logs.scratch import Scratch

_SIDE = "label"


def keep_labels(address: str, scratch: Scratch) -> Iterator[UnreadableRecord]:
    """Keep all labels of a file or folder, and yield the unreadable ones.

    A label is `{"request_id": …, "label": …}`, a row of Parquet with these columns, or ground truth of SageMaker. Of
    two labels for a request the first one counts.
    """
    for entry in read_entries(log_files(address)):
        if isinstance(entry, UnreadableRecord):
            yield entry
            continue
        try:
            request_id, values = _label(entry.fields)
        except UNREADABLE as error:
            yield entry.unreadable(str(error))
            continue
        if not scratch.keep(_SIDE, request_id, json.dumps(values)):
            yield entry.unreadable(f"an earlier label is for the request `{excerpt(request_id)}`")


def label_of(request_id: str, scratch: Scratch) -> tuple[Scalar, ...] | None:
    """Return the kept labels of a request, None if there are none."""
    body = scratch.look(_SIDE, request_id)
    return None if body is None else tuple(json.loads(body))


def _label(fields: Mapping[str, Any]) -> tuple[str, tuple[Scalar, ...]]:
    if "groundTruthData" in fields:
        return _ground_truth(fields)
    values = read.labels(fields.get("label"))
    if values is None:
        raise read.FieldError("it has no `label`")
    return read.required_text(fields, "request_id"), values


def _ground_truth(fields: Mapping[str, Any]) -> tuple[str, tuple[Scalar, ...]]:
    metadata, truth = fields.get("eventMetadata"), fields["groundTruthData"]
    if not isinstance(metadata, Mapping) or not isinstance(truth, Mapping):
        raise read.FieldError("its ground truth has no `eventMetadata`, or is not an object")
    data = truth.get("data")
    if not isinstance(data, str):
        raise read.FieldError("`data` is not a text")
    is_csv = truth.get("encoding") == "CSV"
    outputs = read_answer(data, "text/csv" if is_csv else None).outputs
    if len(outputs) != 1:
        raise read.FieldError("its ground truth has more than one column")
    return read.required_text(metadata, "eventId"), tuple(outputs[0].data)
