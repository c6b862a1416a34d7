"""Opening of a log: its files, its format, and errors that name what to do."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from pyarrow import Table, parquet

from rollout_spec.core.errors import UserError
from rollout_spec.core.inference import InferenceRecord, UnreadableRecord
from rollout_spec.integrations.inference_logs import open_log, read_log

RECORD = {"request_id": "a", "inputs": {"x": 1}}


def refusal(address: Path | str, format: str | None = None) -> tuple[str, str | None]:
    with pytest.raises(UserError) as error:
        list(read_log(str(address), format))
    return error.value.message, error.value.hint


def test_a_log_that_is_missing(tmp_path: Path) -> None:
    message, hint = refusal(tmp_path / "log")
    assert message == f"no log at {tmp_path}/log"
    assert hint == "name a file, or a folder that holds files"


def test_an_unknown_format(tmp_path: Path) -> None:
    assert refusal(tmp_path, "kserv") == ("unknown format of a log: kserv", "did you mean `kserve`?")


def test_entries_of_no_known_format(tmp_path: Path) -> None:
    (tmp_path / "log").write_text('{"\\u001b[2J": 1, "b": 2}\n', "utf-8")
    message, hint = refusal(tmp_path / "log")
    assert message == f"{tmp_path}/log:1: an entry of no known format, with the keys \\u001b[2J, b"
    assert hint is not None
    assert hint.startswith("name the format: jsonl, parquet, kserve, ")


def test_a_log_without_a_readable_entry(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("not\nJSON\n", "utf-8")
    message, hint = refusal(tmp_path / "log")
    assert message == f"{tmp_path}/log:1: not JSON: Expecting value in column 1"
    assert hint == "name a log of JSON lines or Parquet"
    (tmp_path / "empty").write_text("\n", "utf-8")
    assert refusal(tmp_path / "empty")[0] == f"{tmp_path}/empty holds no entry"


def test_a_named_format_shows_all_unreadable_entries(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("not\nJSON\n", "utf-8")
    assert [record.line for record in read_log(str(tmp_path / "log"), "jsonl") if hasattr(record, "line")] == [1, 2]


def test_the_first_readable_entry_decides_the_format(tmp_path: Path) -> None:
    content = "oops\n" + json.dumps(RECORD) + '\n{"request": {"inputs": []}, "response": {}}\n'
    (tmp_path / "log").write_text(content, "utf-8")
    log = open_log(str(tmp_path / "log"))
    assert (log.format, log.is_recognised) == ("jsonl", True)
    kinds = [type(record) for record in log.records()]
    assert kinds == [UnreadableRecord, InferenceRecord, UnreadableRecord]


def test_a_delta_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "_delta_log").mkdir()
    (tmp_path / f"_delta_log/{0:020}.json").write_text("{}", "utf-8")
    parquet.write_table(Table.from_pylist([{"request_id": "a", "input.x": 1}]), tmp_path / "part-0.parquet")
    message, hint = refusal(tmp_path)
    assert message == f"{tmp_path} is a Delta table, whose folder also holds deleted rows"
    assert hint == "export its rows as Parquet, and name that folder"


def test_a_damaged_parquet_file(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"PAR1 but not for long")
    assert refusal(tmp_path / "log")[0].startswith(f"{tmp_path}/log is not readable Parquet: ")


def test_a_file_named_like_a_mark_is_read(tmp_path: Path) -> None:
    (tmp_path / "_SUCCESS").write_text(json.dumps(RECORD), "utf-8")
    assert len(list(read_log(str(tmp_path / "_SUCCESS")))) == 1


def test_the_name_of_a_file_is_escaped(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    (tmp_path / "log/\x1b[2J-request.json").write_text("oops", "utf-8")
    (found,) = read_log(str(tmp_path / "log"), "kserve")
    assert isinstance(found, UnreadableRecord)
    assert found.file == f"{tmp_path}/log/\\u001b[2J-request.json"


def test_special_files_do_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "neither a file nor a folder" in refusal(tmp_path / "pipe")[0]
    assert "is a special file" in refusal(tmp_path)[0]


def test_parquet_without_pyarrow_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parquet.write_table(Table.from_pylist([{"request_id": "a", "input.x": 1}]), tmp_path / "log")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    message, hint = refusal(tmp_path / "log")
    assert message == f"{tmp_path}/log is Parquet, which needs the Python module `pyarrow`"
    assert hint == "pip install 'rollout-spec[replay]'"


def test_rows_of_a_request_that_are_apart_are_reported(tmp_path: Path) -> None:
    rows = [{"request_id": name, "input.x": 1, "output.y": 2} for name in ("a", "a", "b", "a")]
    parquet.write_table(Table.from_pylist(rows), tmp_path / "log")
    first, second, third = read_log(str(tmp_path / "log"))
    assert isinstance(first, InferenceRecord)
    assert isinstance(second, InferenceRecord)
    assert first.inputs[0].shape == (2,)
    assert third == UnreadableRecord(f"{tmp_path}/log", 4, "an earlier record has the request id `a`")
