"""Synthetic tables of logged requests and of replayed answers, written in chunks with numpy and pyarrow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import parquet

LOG, PAIRS = "log.parquet", "pairs.parquet"
FEATURES = 30
SHIFTED = "input.x[0]"
_CHUNK = 250_000
_START = np.datetime64(datetime(2026, 11, 1), "us")


def names() -> list[str]:
    """Return the names of the features: 27 numbers, 2 texts, a truth value."""
    return [*(f"input.x[{index}]" for index in range(FEATURES - 3)), "input.country", "input.is_new", "output.score"]


def write(folder: Path, rows: int) -> None:
    """Write both tables unless they exist."""
    for name, make in ((LOG, _log), (PAIRS, _pairs)):
        if not (folder / name).exists():
            _write(folder / name, rows, make)


def _write(path: Path, rows: int, make: Callable[[np.random.Generator, int, int, int], dict[str, Any]]) -> None:
    part, writer, generator = path.with_suffix(".part"), None, np.random.default_rng(3)
    for start in range(0, rows, _CHUNK):
        table = pa.table(make(generator, start, min(_CHUNK, rows - start), rows))
        writer = writer or parquet.ParquetWriter(part, table.schema)
        writer.write_table(table)
    if writer is not None:
        writer.close()
    part.rename(path)


def _log(generator: np.random.Generator, start: int, count: int, rows: int) -> dict[str, Any]:
    numbers = np.arange(start, start + count)
    is_candidate = numbers >= rows // 2
    columns: dict[str, Any] = {
        "request_id": pa.array(np.char.add("r-", numbers.astype(str))),
        "row": pa.array(np.zeros(count, "int32")),
        "time": pa.array(_START + numbers * np.timedelta64(8_000, "us"), type=pa.timestamp("us", tz="UTC")),
        "version": pa.array(np.where(is_candidate, "42", "41")),
        "segment": pa.array(np.array(["web", "app", "shop"])[generator.integers(0, 3, count)]),
        "label_number": pa.array(generator.integers(0, 2, count).astype(float), mask=generator.random(count) < 0.5),
        "weight": pa.array(np.ones(count)),
    }
    columns |= dict(_features(generator, count, is_candidate))
    return columns


def _features(generator: np.random.Generator, count: int, is_candidate: Any) -> Iterator[tuple[str, Any]]:
    for index, name in enumerate(names()[:-3]):
        values = np.round(generator.exponential(3, count)) if index % 3 == 1 else generator.normal(0, 1, count)
        moved = values + 0.5 * is_candidate if name == SHIFTED else values
        yield name, pa.array(moved, mask=generator.random(count) < 0.01)
    countries = np.array(["de", "fr", "it", "es", "pl", "at", "ch", "nl"])
    yield "input.country", pa.array(countries[np.minimum(generator.geometric(0.4, count) - 1, 7)])
    yield "input.is_new", pa.array(generator.random(count) < 0.2)
    yield "output.score", pa.array(generator.beta(2, 8, count))


def _pairs(generator: np.random.Generator, start: int, count: int, rows: int) -> dict[str, Any]:
    numbers = np.arange(start, start + count)
    is_score = numbers % 2 == 0
    old = generator.beta(2, 5, count)
    new = np.clip(old + generator.normal(0.01, 0.05, count), 0, 1)
    classes = generator.integers(0, 5, count)
    others = np.where(generator.random(count) < 0.1, generator.integers(0, 5, count), classes)
    return {
        "request_id": pa.array(np.char.add("r-", numbers.astype(str))),
        "row": pa.array(np.zeros(count, "int32")),
        "segment": pa.array(np.array(["web", "app", "shop"])[generator.integers(0, 3, count)]),
        "label_number": pa.array(generator.integers(0, 2, count).astype(float), mask=generator.random(count) < 0.5),
        "weight": pa.array(np.ones(count)),
        "arm": pa.array(np.where(generator.random(count) < 0.3, "floor", "failed")),
        "output": pa.array(np.where(is_score, "score", "label")),
        "logged_number": pa.array(old, mask=~is_score),
        "replayed_number": pa.array(new, mask=~is_score),
        "logged_text": pa.array(classes.astype(str), mask=is_score),
        "replayed_text": pa.array(others.astype(str), mask=is_score),
    }
