"""Each case is a log with the records that it holds: `tests/cases/inference_logs/<format>/<case>/`."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import folders
import pytest

from rollout_spec.core.inference import InferenceRecord, UnreadableRecord
from rollout_spec.integrations.inference_logs import FORMATS, LogOptions, open_log
from rollout_spec.integrations.inference_logs.jsonl import write_record

ROOT = folders.CHECKOUT / "tests/cases/inference_logs"
CASES = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("*/*"))
IN_PARQUET = [case for case in CASES if case.startswith("databricks/")]
"""Cases whose entries have the same keys and types, so that Parquet can hold them."""


def options(case: Path) -> LogOptions:
    path, labels = case / "options.json", case / "labels.jsonl"
    given = json.loads(path.read_text("utf-8")) if path.exists() else {}
    return LogOptions(**given, labels=str(labels) if labels.exists() else None)


def lines(records: Iterator[InferenceRecord | UnreadableRecord], folder: Path) -> list[str]:
    """Return the lines of an expected file."""
    found = []
    for record in records:
        if isinstance(record, InferenceRecord):
            found.append(write_record(record))
        else:
            file = Path(record.file).relative_to(folder).as_posix()
            found.append(f"{file}:{record.line}: {record.reason}")
    return found


@pytest.mark.parametrize("case", CASES)
def test_a_log_is_read_as_expected(case: str) -> None:
    folder = ROOT / case
    log = open_log(str(folder / "log"), options=options(folder))
    found = "\n".join([f"format: {log.format}", *lines(log.records(), folder)]) + "\n"
    path = folder / "expected.txt"
    if os.environ.get("ROLLOUT_SPEC_UPDATE"):
        path.write_text(found, "utf-8")
    assert found == path.read_text("utf-8")
    assert log.format == case.partition("/")[0]
    assert log.is_recognised


@pytest.mark.parametrize("case", CASES)
def test_a_named_format_reads_the_same(case: str) -> None:
    folder = ROOT / case
    named = open_log(str(folder / "log"), case.partition("/")[0], options(folder))
    assert not named.is_recognised
    assert lines(named.records(), folder) == (folder / "expected.txt").read_text("utf-8").splitlines()[1:]


@pytest.mark.parametrize("case", IN_PARQUET)
def test_the_same_rows_in_parquet_are_the_same_records(case: str, tmp_path: Path) -> None:
    from pyarrow import Table, parquet

    folder = ROOT / case
    (source,) = (folder / "log").iterdir()
    rows = [json.loads(line) for line in source.read_text("utf-8").splitlines()]
    (tmp_path / "log").mkdir()
    parquet.write_table(Table.from_pylist(rows), tmp_path / "log/a.jsonl")
    found = lines(open_log(str(tmp_path / "log"), options=options(folder)).records(), tmp_path)
    assert found == (folder / "expected.txt").read_text("utf-8").splitlines()[1:]


def test_the_flat_columns_of_kserve_are_the_same_records(tmp_path: Path) -> None:
    """KServe flattens its objects for Parquet: addresses and mappings become texts."""
    from pyarrow import Table, parquet

    folder = ROOT / "kserve/blob-objects"
    rows = [json.loads(path.read_text("utf-8")) for path in sorted((folder / "log").rglob("*.json"))]
    flat = [
        {name: str(value) if name.endswith(("url", "Uri")) else value for name, value in row.items()} for row in rows
    ]
    for row in flat:
        row |= {name: json.dumps(row[name]) for name in ("metadata", "annotations")}
    parquet.write_table(Table.from_pylist(flat), tmp_path / "log.parquet")
    log = open_log(str(tmp_path / "log.parquet"), options=options(folder))
    assert log.format == "kserve"
    assert lines(log.records(), tmp_path) == (folder / "expected.txt").read_text("utf-8").splitlines()[1:]


def test_every_format_has_a_case() -> None:
    assert {case.partition("/")[0] for case in CASES} == set(FORMATS) - {"parquet"}
