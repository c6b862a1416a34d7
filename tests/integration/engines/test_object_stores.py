"""DuckDB reads tables in an object store through fsspec, and downloads no extension."""

from __future__ import annotations

from pathlib import Path

import fsspec
import pytest
from analysis_tables import write_table

from rollout_spec.core.errors import UserError
from rollout_spec.integrations import storage
from rollout_spec.integrations.engines import connect


def test_a_table_in_a_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """fsspec's store in memory takes the place of S3."""
    monkeypatch.setitem(storage.SCHEMES, "memory", "fsspec")
    path = write_table(tmp_path / "a.parquet", "41", {"input.a": [1.0, 2.0, 3.0]})
    with fsspec.open("memory://logs/a.parquet", "wb") as file:
        file.write(path.read_bytes())
    with connect("duckdb", tmp_path / "spill") as engine:
        for _ in range(2):
            table = engine.read(["memory://logs/a.parquet", path.as_uri()])
            assert table.count().to_pyarrow().as_py() == 6


def test_other_schemes_are_refused(tmp_path: Path) -> None:
    with connect("duckdb", tmp_path) as engine, pytest.raises(UserError, match="has a scheme that is not read"):
        engine.read(["https://example.com/a.parquet"])
