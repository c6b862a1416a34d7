"""Entries that a caller of a model can send, and that must not cost memory or time beyond their length."""

from __future__ import annotations

import json
import time
import tracemalloc
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pyarrow
import pytest
from pyarrow import parquet

from rollout_spec.core.inference import InferenceRecord, UnreadableRecord
from rollout_spec.integrations.inference_logs import read_log
from rollout_spec.integrations.inference_logs.table import as_table

MOST_SECONDS = 5.0
MOST_BYTES = 300 * 1024 * 1024
MANY = 200_000

BOMBS: dict[str, tuple[Callable[[], str], str | None]] = {
    "rows-without-values": (
        lambda: '{"inputs": [{"name": "x", "datatype": "FP64", "shape": [9223372036854775807, 0], "data": []}]}',
        None,
    ),
    "rows-of-different-keys": (
        lambda: json.dumps({"instances": [{f"k{at}": 1} for at in range(10_000)]}),
        "the rows have more than 8,000,000 values, if the missing ones count",
    ),
    "many-columns-of-mixed-values": (
        lambda: json.dumps({"instances": [[1, "a"] * MANY]}),
        "it has 400,000 tensors or columns, more than the limit of 10,000",
    ),
    "many-features": (
        lambda: json.dumps({f"k{at}": 1 for at in range(20_000)}),
        "it has 20,000 tensors or columns, more than the limit of 10,000",
    ),
    "many-tensors": (
        lambda: json.dumps(
            {"inputs": [{"name": str(at), "datatype": "INT64", "shape": [1], "data": [1]} for at in range(20_000)]}
        ),
        "`inputs` has 20,000 tensors, more than the limit of 10,000",
    ),
    "many-rows": (
        lambda: json.dumps({"instances": list(range(MANY))}),
        "a request of 200,000 rows, more than the limit of 100,000",
    ),
    "nested-lists": (lambda: "[" * 1_000_000, "the body: more than 64 levels of JSON"),
    "nested-rows": (lambda: '{"instances": ' + "[" * 60 + "]" * 60 + "}", "a tensor has more than 8 dimensions"),
    "long-numbers": (lambda: json.dumps({"instances": [int("9" * 4000)] * 500}), None),
    "wide-csv-field": (lambda: "a" * 200_000, "the body: not JSON: Expecting value in column 1"),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_costs_no_more_than_its_length(name: str, tmp_path: Path) -> None:
    body, reason = BOMBS[name]
    entry = {"id": "bomb", "request": body(), "response": None}
    harmless = {"id": "harmless", "request": {"x": 1}, "response": {"y": 1}}
    (tmp_path / "log").write_text(f"{json.dumps(entry)}\n{json.dumps(harmless)}\n", "utf-8")
    start = time.process_time()
    table = as_table(str(tmp_path / "log"), tmp_path / "table.parquet")
    assert time.process_time() - start < MOST_SECONDS
    assert [record.reason for record in table.summary.examples] == ([reason] if reason else [])
    assert table.summary.records == (1 if reason else 2)


def test_a_bomb_needs_little_memory(tmp_path: Path) -> None:
    body, _ = BOMBS["rows-of-different-keys"]
    (tmp_path / "log").write_text(json.dumps({"request": json.loads(body()), "response": None}), "utf-8")
    tracemalloc.start()
    found = list(read_log(str(tmp_path / "log"), "open-inference"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [type(record) for record in found] == [UnreadableRecord]
    assert peak < MOST_BYTES


def test_values_of_parquet_that_python_cannot_hold_are_reported(tmp_path: Path) -> None:
    far = pyarrow.array([1, 400_000_000_000_000_000, 3], pyarrow.timestamp("us", "UTC"))
    columns = {"request_id": ["a", "b", "c"], "time": far, "input.x": [1.0, 2.0, 3.0]}
    parquet.write_table(pyarrow.table(columns), tmp_path / "log")
    first, second, third = read_log(str(tmp_path / "log"))
    assert isinstance(first, InferenceRecord)
    assert isinstance(third, InferenceRecord)
    assert isinstance(second, UnreadableRecord)
    assert second.line == 2
    assert second.reason.startswith("a value that cannot be read: ")


def test_times_in_nanoseconds_are_read(tmp_path: Path) -> None:
    times = pyarrow.array([1_795_169_700_250_000_123], pyarrow.timestamp("ns"))
    parquet.write_table(pyarrow.table({"request_id": ["a"], "time": times, "input.x": [1.0]}), tmp_path / "log")
    (record,) = read_log(str(tmp_path / "log"))
    assert isinstance(record, InferenceRecord)
    assert record.time == datetime.fromisoformat("2026-11-20T10:15:00.25+00:00")
