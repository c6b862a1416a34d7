"""The analysis table of a log: kinds of columns, limits, and tables that are used as they are."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pyarrow import Table, parquet

from rollout_spec.core.errors import UserError
from rollout_spec.core.inference import InferenceRecord, Scalar, Tensor, UnreadableRecord
from rollout_spec.integrations.inference_logs import LogOptions, table_rows
from rollout_spec.integrations.inference_logs.columns import LONGEST_VALUE, MOST_COLUMNS
from rollout_spec.integrations.inference_logs.jsonl import write_record
from rollout_spec.integrations.inference_logs.table import as_table, write_table
from rollout_spec.integrations.inference_logs.table_parts import FACTS

TIME = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)


def tensor(name: str, datatype: str, *values: Scalar) -> Tensor:
    return Tensor(name, datatype, (len(values),), values)


def record(request_id: str, *inputs: Tensor, **fields: Any) -> InferenceRecord:
    outputs = fields.pop("outputs", (tensor("y", "INT64", *[1] * (len(inputs[0].data) if inputs else 1)),))
    return InferenceRecord(request_id, TIME, "fraud", "43", inputs, outputs, **fields)


def rows_of(path: Path) -> list[dict[str, Any]]:
    return parquet.read_table(path).to_pylist()


def written(tmp_path: Path, *records: InferenceRecord | UnreadableRecord) -> tuple[Any, list[dict[str, Any]]]:
    path = tmp_path / "table.parquet"
    summary = write_table(records, path)
    assert [found.name for found in tmp_path.iterdir()] == ["table.parquet"]
    return summary, rows_of(path)


def test_a_batch_becomes_a_row_for_each_of_its_rows(tmp_path: Path) -> None:
    batch = record(
        "r",
        Tensor("x", "FP64", (2, 2), (1.0, math.nan, None, 4.0)),
        tensor("country", "BYTES", "DE", None),
        tensor("is_new", "BOOL", True, False),
        outputs=(Tensor("score", "FP32", (2, 1), (0.25, 0.75)), tensor("class", "BYTES", "a", "b")),
        label=(1, "b"),
        latency_ms=3.5,
        segment="eu",
        weight=4.0,
    )
    summary, rows = written(tmp_path, batch)
    facts = {"request_id": "r", "time": TIME, "model": "fraud", "version": "43", "status": 200}
    shared = {**facts, "latency_ms": 3.5, "segment": "eu", "weight": 4.0}
    assert math.isnan(rows[0].pop("input.x[1]"))
    assert rows[0] == {
        **shared,
        **{"row": 0, "label_number": 1.0, "label_text": "1", "input.x[0]": 1.0, "input.country": "DE"},
        **{"input.is_new": True, "output.score": 0.25, "output.class": "a"},
    }
    assert rows[1] == {
        **shared,
        **{"row": 1, "label_number": None, "label_text": "b", "input.x[0]": None, "input.x[1]": 4.0},
        **{"input.country": None, "input.is_new": False, "output.score": 0.75, "output.class": "b"},
    }
    assert (summary.records, summary.rows, summary.unreadable) == (1, 2, 0)
    assert summary.columns == {
        **{"input.x[0]": "number", "input.x[1]": "number", "input.country": "text", "input.is_new": "bool"},
        **{"output.score": "number", "output.class": "text"},
    }


def test_duckdb_sees_the_types_of_the_table(tmp_path: Path) -> None:
    import duckdb

    written(tmp_path, record("r", tensor("x", "INT64", 1), tensor("b", "BOOL", True), tensor("t", "BYTES", "a")))
    with duckdb.connect() as connection:
        found = connection.execute(f"DESCRIBE SELECT * FROM '{tmp_path}/table.parquet'").fetchall()
    types = {name: kind for name, kind, *_ in found}
    assert list(types)[: len(FACTS)] == list(FACTS)
    assert types["time"] == "TIMESTAMP WITH TIME ZONE"
    assert types["row"] == types["status"] == "INTEGER"
    assert {types[name] for name in ("latency_ms", "weight", "label_number", "input.x", "output.y")} == {"DOUBLE"}
    assert {types[name] for name in ("request_id", "segment", "label_text", "input.t")} == {"VARCHAR"}
    assert types["input.b"] == "BOOLEAN"


def test_one_value_of_another_kind_does_not_change_a_column(tmp_path: Path) -> None:
    records = [record(str(at), tensor("x", "INT64", at), tensor("t", "BYTES", "a")) for at in range(3)]
    hostile = record("hostile", tensor("x", "BYTES", "text"), tensor("t", "FP64", 1.0))
    summary, rows = written(tmp_path, hostile, *records)
    assert [row["input.x"] for row in rows] == [None, 0.0, 1.0, 2.0]
    assert [row["input.t"] for row in rows] == ["1", "a", "a", "a"]
    assert summary.misfits == {"input.x": 1}


def test_columns_that_come_late_are_missing_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_rows, "_MOST_ROWS", 2)
    records = [record(str(at), tensor("x", "FP64", None if at < 3 else 1.0)) for at in range(5)]
    summary, rows = written(tmp_path, *records, record("late", tensor("z", "BOOL", True)))
    assert [row["input.x"] for row in rows] == [None, None, None, 1.0, 1.0, None]
    assert [row["input.z"] for row in rows] == [None, None, None, None, None, True]
    assert [row["request_id"] for row in rows] == ["0", "1", "2", "3", "4", "late"]
    assert summary.columns == {"input.x": "number", "input.z": "bool", "output.y": "number"}


def test_a_feature_that_is_always_missing_has_a_column(tmp_path: Path) -> None:
    summary, rows = written(tmp_path, record("a", tensor("x", "BYTES", None)))
    assert summary.columns["input.x"] == "number"
    assert rows[0]["input.x"] is None


def test_features_beyond_the_limit_are_named(tmp_path: Path) -> None:
    wide = Tensor("x", "INT64", (1, MOST_COLUMNS + 2), tuple(range(MOST_COLUMNS + 2)))
    summary, rows = written(tmp_path, record("a", wide, outputs=(tensor("y", "INT64", 1),)))
    assert summary.left_out == {f"input.x[{MOST_COLUMNS}]", f"input.x[{MOST_COLUMNS + 1}]"}
    assert rows[0][f"input.x[{MOST_COLUMNS - 1}]"] == MOST_COLUMNS - 1
    assert sum(name.startswith("input.") for name in rows[0]) == MOST_COLUMNS


def test_a_column_that_differs_only_in_case_is_left_out(tmp_path: Path) -> None:
    first, second = (record(name, tensor(name, "FP64", 1.0)) for name in ("Amount", "amount"))
    summary, rows = written(tmp_path, first, second)
    assert summary.left_out == {"input.amount"}
    assert [row["input.Amount"] for row in rows] == [1.0, None]


def test_a_table_with_columns_that_differ_only_in_case_is_refused(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    for name in ("Amount", "amount"):
        write_table([record(name, tensor(name, "FP64", 1.0))], tmp_path / "log" / f"{name}.parquet")
    with pytest.raises(UserError, match=r"`input\.amount` and `input\.Amount` differ only in case"):
        as_table(str(tmp_path / "log"), tmp_path / "t.parquet")


def test_a_name_with_a_nul_makes_one_entry_unreadable(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_text('{"request_id": "a", "inputs": {"x\\u0000": 1}}\n{"request_id": "b", "inputs": {"x": 1}}\n', "utf-8")
    summary = as_table(str(log), tmp_path / "t.parquet").summary
    assert (summary.rows, summary.unreadable, list(summary.columns)) == (1, 1, ["input.x"])
    assert summary.examples[0].reason == "the name `x\\u0000` of a tensor has a NUL"


@pytest.mark.parametrize("status", [0, 400, 503])
def test_a_refused_request_adds_no_column(tmp_path: Path, status: int) -> None:
    refused = record("a", tensor("junk", "FP64", 1.0), tensor("x", "FP64", 2.0), outputs=(), status=status)
    summary, rows = written(tmp_path, record("b", tensor("x", "FP64", 1.0)), refused)
    assert "input.junk" not in summary.columns
    assert [(row["input.x"], row["status"]) for row in rows] == [(1.0, 200), (2.0, status)]
    assert summary.unanswered == (status == 0)


def test_long_texts_are_cut_and_stay_different(tmp_path: Path) -> None:
    texts = ["a" * LONGEST_VALUE, "a" * LONGEST_VALUE + "b", "a" * LONGEST_VALUE + "c"]
    summary, rows = written(tmp_path, record("a", tensor("t", "BYTES", *texts), label=tuple(texts)))
    found = [row["input.t"] for row in rows]
    assert found[0] == texts[0]
    assert len(set(found)) == 3
    assert {len(text) for text in found} == {LONGEST_VALUE}
    assert summary.cut == 2
    assert [row["label_text"] for row in rows] == found


def test_tensors_with_another_number_of_rows_are_counted(tmp_path: Path) -> None:
    uneven = record("a", tensor("x", "FP64", 1.0, 2.0), tensor("k", "INT64", 5), label=(1, 2, 3))
    summary, rows = written(tmp_path, uneven)
    assert summary.uneven == 2
    assert [(row["input.x"], row["label_number"]) for row in rows] == [(1.0, None), (2.0, None)]
    assert "input.k" not in rows[0]


def test_unreadable_entries_are_counted_and_shown(tmp_path: Path) -> None:
    unreadable = [UnreadableRecord("log", line, "broken") for line in range(1, 31)]
    summary, _ = written(tmp_path, *unreadable, record("a", tensor("x", "FP64", 1.0)))
    assert summary.unreadable == 30
    assert summary.examples == unreadable[:20]


def test_a_log_without_rows_is_an_error_and_leaves_no_file(tmp_path: Path) -> None:
    empty = record("a", Tensor("x", "FP64", (0,), ()), outputs=())
    with pytest.raises(UserError) as error:
        write_table([UnreadableRecord("log", 7, "not JSON"), empty], tmp_path / "t.parquet")
    assert error.value.message == "no record of the log has a row"
    assert error.value.hint == "entries that cannot be read: 1, such as log:7: not JSON"
    assert list(tmp_path.iterdir()) == []


def test_a_failure_of_the_log_leaves_no_file(tmp_path: Path) -> None:
    def failing() -> Iterator[InferenceRecord]:
        yield record("a", tensor("x", "FP64", 1.0))
        raise UserError("the store does not answer")

    with pytest.raises(UserError, match="does not answer"):
        write_table(failing(), tmp_path / "t.parquet")
    assert list(tmp_path.iterdir()) == []


def test_the_progress_counts_all_entries(tmp_path: Path) -> None:
    seen: list[int] = []
    records = [record(str(at), tensor("x", "FP64", 1.0)) for at in range(2500)]
    write_table(records, tmp_path / "t.parquet", progress=seen.append)
    assert seen == [1000, 2000]


def test_a_table_is_used_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    for name in "ab":
        write_table([record(name, tensor("x", "FP64", 1.0, 2.0))], tmp_path / f"log/{name}.parquet")
    table = as_table(str(tmp_path / "log"), tmp_path / "unused.parquet")
    assert table.paths == (str(tmp_path / "log/a.parquet"), str(tmp_path / "log/b.parquet"))
    assert (table.summary.is_direct, table.summary.rows, table.summary.format) == (True, 4, "parquet")
    assert table.summary.columns == {"input.x": "number", "output.y": "number"}
    assert not (tmp_path / "unused.parquet").exists()


def test_a_table_gets_labels_that_lie_apart(tmp_path: Path) -> None:
    write_table([record("a", tensor("x", "FP64", 1.0))], tmp_path / "log.parquet")
    (tmp_path / "labels").write_text('{"request_id": "a", "label": "yes"}', "utf-8")
    options = LogOptions(labels=str(tmp_path / "labels"))
    table = as_table(str(tmp_path / "log.parquet"), tmp_path / "t.parquet", options=options)
    assert not table.summary.is_direct
    assert [row["label_text"] for row in rows_of(Path(table.paths[0]))] == ["yes"]


def test_tables_that_disagree_on_a_column_are_refused(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    write_table([record("a", tensor("x", "FP64", 1.0))], tmp_path / "log/a.parquet")
    write_table([record("b", tensor("x", "BYTES", "t"))], tmp_path / "log/b.parquet")
    with pytest.raises(UserError, match=r"b\.parquet: `input\.x` is text, but number before"):
        as_table(str(tmp_path / "log"), tmp_path / "t.parquet")


def test_parquet_without_all_columns_is_read_and_written_as_a_table(tmp_path: Path) -> None:
    rows = [{"request_id": "a", "input.x": 1, "input.t": "u", "output.y": 0.5}]
    parquet.write_table(Table.from_pylist(rows), tmp_path / "log.parquet")
    table = as_table(str(tmp_path / "log.parquet"), tmp_path / "t.parquet")
    assert table.paths == (str(tmp_path / "t.parquet"),)
    assert (table.summary.is_direct, table.summary.format) == (False, "parquet")
    (row,) = rows_of(tmp_path / "t.parquet")
    assert (row["input.x"], row["input.t"], row["output.y"], row["status"]) == (1.0, "u", 0.5, 200)


def test_json_lines_become_a_table(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text(write_record(record("a", tensor("x", "FP64", 1.0))) + "\noops\n", "utf-8")
    table = as_table(str(tmp_path / "log.jsonl"), tmp_path / "t.parquet")
    assert (table.summary.format, table.summary.rows, table.summary.unreadable) == ("jsonl", 1, 1)
