"""Scores of labelled rows by DuckDB: labels of the log or of a file, and those that cannot be used."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from analysis_tables import write_table
from pyarrow import parquet

from rollout_spec.core.drift import LABEL_BINS, LabelledCounts, RowFilter
from rollout_spec.integrations.engines import Engine, connect
from rollout_spec.integrations.engines.labelled import count_labelled

SCORES = [0.0, 0.25, 0.999, 1.0, 1.5, 0.5, float("nan")]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with connect("duckdb", tmp_path_factory.mktemp("duckdb")) as connected:
        yield connected


def log(engine: Engine, folder: Path, **facts: Any) -> Any:
    return engine.read([str(write_table(folder / "log.parquet", "42", {"output.s": np.array(SCORES)}, **facts))])


def places(bins: tuple[int, ...]) -> dict[int, int]:
    return {place: count for place, count in enumerate(bins) if count}


def labels_of(engine: Engine, path: Path, columns: dict[str, Any]) -> Any:
    parquet.write_table(pa.table(columns), path)
    return engine.read([str(path)])


def count(engine: Engine, folder: Path, columns: dict[str, Any]) -> LabelledCounts:
    labels = labels_of(engine, folder / "labels.parquet", columns)
    return count_labelled(log(engine, folder), RowFilter("42"), "output.s", labels)


def test_labels_of_the_log(engine: Engine, tmp_path: Path) -> None:
    """A score of 1 is in the last bin. NaN is no score, 1.5 none between 0 and 1, and 2 no label."""
    table = log(engine, tmp_path, label_number=pa.array([0.0, 1.0, 1.0, 1.0, 1.0, 2.0, 1.0]))
    found = count_labelled(table, RowFilter("42"), "output.s")
    assert (places(found.positives), places(found.negatives)) == ({250: 1, LABEL_BINS - 1: 2}, {0: 1})
    assert (found.unlabelled, found.unusable) == (0, 2)
    assert count_labelled(table, RowFilter("41"), "output.s").unlabelled == 0


def test_labels_of_a_file(engine: Engine, tmp_path: Path) -> None:
    """A label that came twice counts once, two different ones are unusable, and other requests do not matter."""
    ids = ["42-0", "42-1", "42-1", "42-2", "42-2", "other"]
    found = count(engine, tmp_path, {"request_id": ids, "label": [0.0, 1.0, 1.0, 0.0, 1.0, 1.0]})
    assert (places(found.positives), places(found.negatives)) == ({250: 1}, {0: 1})
    assert (found.unlabelled, found.unusable) == (3, 1)


def test_labels_of_rows(engine: Engine, tmp_path: Path) -> None:
    columns = {"request_id": ["42-1", "42-1"], "row": [0.0, 1.0], "label": [1.0, 0.0]}
    found = count(engine, tmp_path, columns)
    assert (places(found.positives), sum(found.negatives), found.unusable) == ({250: 1}, 0, 0)
