"""Logs in an object store are read as those on disk are."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import pytest
from object_store import ObjectStore
from pyarrow import Table, parquet

from rollout_spec.core.errors import OUTSIDE, UserError
from rollout_spec.core.inference import InferenceRecord, UnreadableRecord
from rollout_spec.integrations import storage
from rollout_spec.integrations.inference_logs import lines, read_log
from rollout_spec.integrations.inference_logs.table import as_table, write_table


def line(request_id: str) -> bytes:
    return b'{"request_id": "%s", "inputs": {"x": 1}}\n' % request_id.encode()


def in_parquet(request_id: str) -> bytes:
    content = io.BytesIO()
    parquet.write_table(Table.from_pylist([{"request_id": request_id, "input.x": 1}]), content)
    return content.getvalue()


@pytest.fixture
def contents(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    objects: dict[str, bytes] = {}
    monkeypatch.setattr(storage, "_file_system", lambda address: (ObjectStore(objects), address.partition("://")[2]))
    return objects


def test_lines_plain_and_compressed(contents: dict[str, bytes]) -> None:
    many = b"".join(line(str(number)) for number in range(2000))
    contents["bucket/log/a.jsonl"] = many
    contents["bucket/log/b.jsonl.gz"] = gzip.compress(line("b") + b"oops\n")
    contents["bucket/log/_SUCCESS"] = b""
    found = list(read_log("s3://bucket/log"))
    ids = [record.request_id for record in found if isinstance(record, InferenceRecord)]
    assert ids == [*map(str, range(2000)), "b"]
    assert found[-1] == UnreadableRecord("s3://bucket/log/b.jsonl.gz", 2, "not JSON: Expecting value in column 1")


def test_a_long_line_is_left_out(contents: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "LONGEST_LINE", 1024 * 1024)
    contents["bucket/log"] = b"x" * (2 * 1024 * 1024) + b"\n" + line("a")
    first, second = read_log("s3://bucket/log", "jsonl")
    assert first == UnreadableRecord("s3://bucket/log", 1, "a line of more than 1 MiB")
    assert isinstance(second, InferenceRecord)


def test_parquet(contents: dict[str, bytes]) -> None:
    contents["bucket/log/a.parquet"] = in_parquet("a")
    (record,) = read_log("s3://bucket/log")
    assert isinstance(record, InferenceRecord)
    assert record.request_id == "a"


def test_a_table_is_used_as_it_is(contents: dict[str, bytes], tmp_path: Path) -> None:
    contents["bucket/log"] = in_parquet("a")
    write_table(read_log("s3://bucket/log"), tmp_path / "table.parquet")
    contents["bucket/table/0.parquet"] = (tmp_path / "table.parquet").read_bytes()
    table = as_table("s3://bucket/table", tmp_path / "unused.parquet")
    assert table.paths == ("s3://bucket/table/0.parquet",)
    assert table.summary.rows == 1


def test_nothing_there(contents: dict[str, bytes]) -> None:
    contents["bucket/other"] = b""
    with pytest.raises(UserError, match="no log at s3://bucket/log"):
        list(read_log("s3://bucket/log"))


@pytest.mark.parametrize("is_compressed", [False, True])
def test_a_store_that_fails_in_the_middle_is_an_error(monkeypatch: pytest.MonkeyPatch, is_compressed: bool) -> None:
    content = b"".join(line(str(number**3)) for number in range(100_000))
    contents = {"bucket/log": gzip.compress(content) if is_compressed else content}
    monkeypatch.setattr(
        storage,
        "_file_system",
        lambda address: (ObjectStore(contents, fails_after=100_000), address.partition("://")[2]),
    )
    with pytest.raises(UserError) as error:
        list(read_log("s3://bucket/log"))
    assert error.value.message == "cannot read s3://bucket/log: the token is too old"
    assert error.value.status == OUTSIDE
