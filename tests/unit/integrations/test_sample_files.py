"""Training samples and labels: chosen columns as Parquet, and inputs that cannot be used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from rollout_spec.core.errors import UserError
from rollout_spec.integrations.sample_files import write_sample


def choose(file: str, names: Sequence[str]) -> Mapping[str, tuple[str, str]]:
    kinds = {"amount": "number", "country": "text", "is_new": "bool"}
    return {name: (f"input.{name}", kinds[name]) for name in names if name in kinds}


def written(tmp_path: Path, content: bytes, name: str = "a.csv") -> pa.Table:
    (tmp_path / name).write_bytes(content)
    rows = write_sample(str(tmp_path / name), tmp_path / "out.parquet", choose)
    table = parquet.read_table(tmp_path / "out.parquet")
    assert table.num_rows == rows
    return table


def test_chosen_columns_of_csv(tmp_path: Path) -> None:
    """A mark of Windows at the start is ignored. A field without a value is missing, and so is NaN's name."""
    table = written(tmp_path, b'\xef\xbb\xbfamount,other,country,is_new\n1.5,9,de,true\n,9,"",false\nNaN,9,,\n')
    assert table.column_names == ["input.amount", "input.country", "input.is_new", "request_id", "row"]
    assert table.column("input.amount").to_pylist()[:2] == [1.5, None]
    assert table.column("input.country").to_pylist() == ["de", "", None]
    assert table.column("input.is_new").to_pylist() == [True, False, None]
    assert table.column("request_id").to_pylist() == ["0", "1", "2"]


def test_chosen_columns_of_parquet(tmp_path: Path) -> None:
    sample = pa.table(
        {
            "amount": pa.array([1, 2, None], pa.int16()),
            "country": pa.array(["de", "fr", "de"]).dictionary_encode(),
            "other": [1, 2, 3],
        }
    )
    parquet.write_table(sample, tmp_path / "a.parquet")
    table = written(tmp_path, (tmp_path / "a.parquet").read_bytes(), "b.parquet")
    assert table.column("input.amount").to_pylist() == [1.0, 2.0, None]
    assert table.column("input.country").to_pylist() == ["de", "fr", "de"]
    assert table.schema.field("input.amount").type == pa.float64()


def test_many_rows_keep_their_numbers(tmp_path: Path) -> None:
    sample = pa.table({"amount": [float(row) for row in range(45_000)]})
    parquet.write_table(sample, tmp_path / "a.parquet")
    table = written(tmp_path, (tmp_path / "a.parquet").read_bytes(), "b.parquet")
    assert table.column("request_id").to_pylist()[-1] == "44999"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "Empty CSV file"),
        (b"amount\n", "has no rows"),
        (b"amount\nmany\n", "invalid value 'many'"),
        (b"amount,country\n1\n", "Expected 2 columns, got 1"),
        (b"amount\xff\n1\n", "not CSV in UTF-8"),
        (b'"amount\n1\n', "not CSV in UTF-8"),
        (b"PAR1broken", "Parquet magic bytes not found"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(UserError, match=message):
        written(tmp_path, content)


def test_a_folder_needs_a_single_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nothing is at") as error:
        write_sample(str(tmp_path / "missing"), tmp_path / "out.parquet", choose)
    assert error.value.hint == "name one file, CSV or Parquet"
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("amount\n1\n", "utf-8")
    with pytest.raises(UserError, match="has 2 files"):
        write_sample(str(tmp_path), tmp_path / "out.parquet", choose)
