"""The pairs table has a row for each pair, whatever its size."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyarrow import parquet

from rollout_spec.integrations import pairs_table
from rollout_spec.integrations.pairs_table import COLUMNS, PairsWriter


def test_rows_are_written_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairs_table, "_CHARACTERS_AT_ONCE", 10_000)
    path = tmp_path / "pairs.parquet"
    rows = [{"request_id": str(at), "row": 0, "logged_text": "x" * 999, "exact": at % 2 == 0} for at in range(95)]
    with PairsWriter(path) as writer:
        for row in rows:
            writer.add(row)
    file = parquet.ParquetFile(path)
    assert file.num_row_groups == 10
    table = file.read()
    assert table.column_names == list(COLUMNS)
    assert [{name: row[name] for name in rows[0]} for row in table.to_pylist()] == rows
    assert table.column("rbo").null_count == 95


def test_a_table_without_rows_has_its_columns(tmp_path: Path) -> None:
    with PairsWriter(tmp_path / "pairs.parquet"):
        pass
    assert parquet.read_table(tmp_path / "pairs.parquet").column_names == list(COLUMNS)
