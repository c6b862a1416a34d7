"""Invariants of the formats: a record survives its own JSON, and no entry stops the others or is lost."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from importlib import import_module
from typing import Any, cast

import pytest
from amounts import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from rollout_spec.core.inference import InferenceRecord, Tensor, UnreadableRecord
from rollout_spec.integrations import inference_logs
from rollout_spec.integrations.inference_logs import FORMATS, LogFormat, LogOptions
from rollout_spec.integrations.inference_logs.jsonl import write_record
from rollout_spec.integrations.inference_logs.log_files import Entry, Located
from rollout_spec.integrations.json_text import read_json

TEXTS = st.text(st.characters(codec="utf-8"), max_size=8)
NAMES = TEXTS.filter(bool)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "BOOL": st.booleans(),
    "INT64": st.integers(-(2**63), 2**63 - 1),
    "UINT8": st.integers(0, 255),
    "FP32": st.floats(allow_nan=False),
    "FP64": st.floats(allow_nan=False),
    "BYTES": TEXTS,
}


@st.composite
def tensors(draw: st.DrawFn, name: str) -> Tensor:
    datatype = draw(st.sampled_from(sorted(VALUES)))
    shape = tuple(draw(st.lists(st.integers(0, 3), max_size=3)))
    size = 1
    for length in shape:
        size *= length
    return Tensor(name, datatype, shape, draw(st.lists(VALUES[datatype] | st.none(), min_size=size, max_size=size)))


def sides() -> st.SearchStrategy[tuple[Tensor, ...]]:
    names = st.lists(NAMES.filter(lambda name: "\0" not in name), max_size=3, unique=True)
    return names.flatmap(lambda chosen: st.tuples(*(tensors(name) for name in chosen)))


RECORDS = st.builds(
    InferenceRecord,
    request_id=NAMES,
    time=st.none() | st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)),
    model=st.none() | NAMES,
    version=st.none() | NAMES,
    inputs=sides(),
    outputs=sides(),
    status=st.integers(0, 599),
    latency_ms=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    segment=st.none() | NAMES,
    label=st.none() | st.lists(st.none() | st.booleans() | st.integers() | TEXTS, max_size=3).map(tuple),
    weight=st.floats(1e-3, 1e6),
)


def outcomes(name: str, entries: list[Entry | UnreadableRecord]) -> list[Located | UnreadableRecord]:
    module = cast(LogFormat, import_module(f"{inference_logs.__name__}.{FORMATS[name]}"))
    return list(module.read_records(iter(entries), LogOptions()))


@settings(max_examples=examples(200), deadline=None)
@given(RECORDS)
def test_a_record_survives_its_json(record: InferenceRecord) -> None:
    line = write_record(record)
    assert "\n" not in line
    json.loads(line, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    (found,) = outcomes("jsonl", [Entry("log", 1, read_json(line))])
    assert isinstance(found, Located)
    assert found.record == record


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=12,
)
GOOD: dict[str, dict[str, Any]] = {
    "jsonl": {"request_id": "a", "inputs": {"x": 1}, "outputs": [], "label": 1, "time": "2026-11-20T10:15:00Z"},
    "parquet": {"request_id": "a", "input.x[0]": 1, "input.x[1]": "u", "output.y": True, "label_number": 1.0},
    "kserve": {
        "headers": {"Ce-Id": "a", "Ce-Type": "org.kubeflow.serving.inference.request", "Ce-Endpoint": "default"},
        "body": {"inputs": [{"name": "x", "datatype": "FP64", "shape": [1], "data": [1]}]},
    },
    "mlserver": {
        "headers": {"Ce-Requestid": "a", "Ce-Type": "io.seldon.serving.inference.response"},
        "body": {"outputs": [{"name": "x", "datatype": "FP64", "shape": [1], "data": [1]}]},
    },
    "sagemaker": {
        "captureData": {"endpointInput": {"data": "1,2", "encoding": "CSV"}, "endpointOutput": None},
        "eventMetadata": {"eventId": "a", "inferenceTime": "2026-11-20T10:15:00Z"},
    },
    "databricks": {
        "databricks_request_id": "a",
        "status_code": 200,
        "request": '{"dataframe_split": {"columns": ["a"], "data": [[1]]}}',
        "response": '{"predictions": [1]}',
        "timestamp_ms": 1,
        "request_metadata": {"model_version": "4"},
        "sampling_fraction": 0.5,
    },
    "open-inference": {"request": {"instances": [[1, 2]]}, "response": {"predictions": {"a": [1]}}, "id": "a"},
}


@st.composite
def damaged(draw: st.DrawFn, value: Any) -> Any:
    """Return a value with any part of it replaced, left out or added."""
    if not isinstance(value, dict | list) or draw(st.integers(0, 9)) == 0:
        return draw(JSON)
    if isinstance(value, list):
        return [draw(damaged(item)) if draw(st.booleans()) else item for item in value]
    changed = dict(value)
    for key in draw(st.lists(st.sampled_from(sorted(value)), max_size=2, unique=True)):
        if draw(st.booleans()):
            changed[key] = draw(damaged(value[key]))
        else:
            del changed[key]
    return changed | draw(st.dictionaries(NAMES, JSON, max_size=1))


@pytest.mark.parametrize("name", FORMATS)
def test_the_undamaged_entry_is_readable_and_recognised(name: str) -> None:
    (found,) = outcomes(name, [Entry("log", 1, GOOD[name])])
    assert isinstance(found, Located) or "no request has the id" in found.reason
    recognised = [
        other
        for other in FORMATS
        if cast(LogFormat, import_module(f"{inference_logs.__name__}.{FORMATS[other]}")).recognises(GOOD[name])
    ]
    assert recognised[0] == name


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=examples(120), deadline=None)
@given(data=st.data())
def test_a_damaged_entry_is_read_or_reported_and_stops_nothing(name: str, data: st.DataObject) -> None:
    damages = data.draw(st.lists(damaged(GOOD[name]), min_size=1, max_size=3))
    objects = [item for item in damages if isinstance(item, dict)]
    entries: list[Entry | UnreadableRecord] = [Entry("log", line, item) for line, item in enumerate(objects, 1)]
    seen = set()
    for found in outcomes(name, [*entries, UnreadableRecord("log", 99, "broken")]):
        if isinstance(found, UnreadableRecord):
            assert 0 < len(found.reason) < 400
            assert found.reason.isprintable()
            seen.add(found.line)
        else:
            write_record(found.record)
            seen.add(found.entry.line)
    assert 99 in seen
    if name not in ("parquet", "kserve", "mlserver"):  # these make one record of several entries
        assert seen == {99, *range(1, len(objects) + 1)}
