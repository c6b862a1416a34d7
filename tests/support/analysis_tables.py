"""Analysis tables and pairs of answers, made with numpy and pyarrow for tests of the engines."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import parquet

START = datetime(2026, 11, 1, tzinfo=UTC)
Columns = Mapping[str, Any]


def write_table(path: Path, version: str, columns: Columns, *, start: datetime = START, **facts: Any) -> Path:
    """Write a table with a row each second. ``columns`` are features and outputs, ``facts`` replace other columns."""
    rows = len(next(iter(columns.values())))
    moments = np.datetime64(start.replace(tzinfo=None), "us") + np.arange(rows) * np.timedelta64(1_000_000, "us")
    known: dict[str, Any] = {
        "request_id": pa.array([f"{version}-{index}" for index in range(rows)]),
        "row": pa.array(np.zeros(rows, "int32")),
        "time": pa.array(moments, type=pa.timestamp("us", tz="UTC")),
        "model": pa.array(["fraud"] * rows),
        "version": pa.array([version] * rows),
        "status": pa.array(np.full(rows, 200, "int32")),
        "latency_ms": pa.array(np.full(rows, 12.5)),
        "segment": pa.nulls(rows, pa.string()),
        "label_number": pa.nulls(rows, pa.float64()),
        "label_text": pa.nulls(rows, pa.string()),
        "weight": pa.array(np.ones(rows)),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(pa.table({**known, **facts, **columns}), path)
    return path


def write_pairs(path: Path, output: str, columns: Columns, **facts: Any) -> Path:
    """Write pairs of one output, all of the arm ``failed`` unless ``facts`` has others."""
    rows = len(next(iter(columns.values())))
    known: dict[str, Any] = {
        "request_id": pa.array([f"r-{index}" for index in range(rows)]),
        "row": pa.array(np.zeros(rows, "int32")),
        "segment": pa.nulls(rows, pa.string()),
        "label_number": pa.nulls(rows, pa.float64()),
        "label_text": pa.nulls(rows, pa.string()),
        "weight": pa.array(np.ones(rows)),
        "arm": pa.array(["failed"] * rows),
        "output": pa.array([output] * rows),
    }
    parquet.write_table(pa.table({**known, **facts, **columns}), path)
    return path
