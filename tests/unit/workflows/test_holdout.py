"""A holdout file that ends, fits into the memory, and names each column once; else the error names the reason."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from rollout_spec.core.errors import USAGE, UserError
from rollout_spec.workflows import holdout
from rollout_spec.workflows.holdout import read_holdout

ROWS = "1,0.2,0.3\n0,0.1,0.1\n"


def refused(path: Path) -> str:
    with pytest.raises(UserError) as caught:
        read_holdout(path, "41", "42")
    assert caught.value.status == USAGE
    return caught.value.message.replace(str(path), "FILE")


def parquet(path: Path, columns: Mapping[str, Any], names: list[str] | None = None) -> Path:
    pyarrow, files = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    table = pyarrow.table(dict(columns))
    files.write_table(table.rename_columns(names) if names else table, path)
    return path


@pytest.mark.parametrize(
    "text",
    [
        f"label,41,42\n{ROWS}",
        f"\ufefflabel,41,42\n{ROWS}",
        f"label,41,42\n{ROWS}".replace("\n", "\r\n"),
        '"label","stable","candidate"\n"1","0.2","0.3"\n"0",0.1,0.1',
    ],
)
def test_the_spellings_of_csv(tmp_path: Path, text: str) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(text.encode())
    read = read_holdout(path, "41", "42")
    assert (read.labels, read.stable, read.candidate) == ([1, 0], [0.2, 0.1], [0.3, 0.1])


def test_a_link_to_a_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text(f"label,41,42\n{ROWS}", "utf-8")
    (tmp_path / "link.csv").symlink_to("rows.csv")
    assert read_holdout(tmp_path / "link.csv", "41", "42").labels == [1, 0]


def test_a_pipe_and_a_device_are_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (pipe, Path("/dev/zero"), tmp_path):
        assert refused(path) == "FILE is not a regular file"
    assert refused(tmp_path / "missing.csv").startswith("cannot read FILE: ")


def test_large_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("label,41,42\n" + ROWS * 10, "utf-8")
    monkeypatch.setattr(holdout, "_MOST_ROWS", 19)
    assert refused(path) == "FILE has more than 19 rows"
    monkeypatch.setattr(holdout, "_MOST_BYTES", 20)
    assert refused(path) == "FILE has more than 0 MiB"


def test_a_small_parquet_file_cannot_fill_the_memory(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    many = pyarrow.repeat(1.0, 3_000_000)
    path = parquet(tmp_path / "rows.parquet", {"label": many, "stable": many, "candidate": many})
    assert path.stat().st_size < 100_000
    assert refused(path) == "FILE has more than 2,000,000 rows"


def test_only_the_columns_of_numbers_that_are_needed_are_read(tmp_path: Path) -> None:
    columns = {"label": [True, False], "41": [0.2, 0.1], "42": [1, 0], "text": ["a", "b"], "other": [1, 2]}
    read = read_holdout(parquet(tmp_path / "rows.parquet", columns), "41", "42")
    assert (read.labels, read.stable, read.candidate) == ([1, 0], [0.2, 0.1], [1, 0])
    texts = parquet(tmp_path / "texts.parquet", {**columns, "42": ["0.1", "0.2"]})
    assert refused(texts) == "FILE has no column `candidate` or `42`"


def test_a_column_is_named_once(tmp_path: Path) -> None:
    columns = {"label": [1, 0], "41": [0.2, 0.1], "42": [0.1, 0.2], "x": [0.9, 0.1]}
    path = parquet(tmp_path / "rows.parquet", columns, ["label", "41", "42", "42"])
    assert refused(path) == "FILE: a column has the name of another one"
