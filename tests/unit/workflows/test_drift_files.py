"""Logs of a drift report become tables, and what is not in them is said."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from rollout_spec.core.errors import UserError
from rollout_spec.integrations.inference_logs.columns import MOST_COLUMNS
from rollout_spec.workflows.drift_files import LogTables, log_tables


def write(path: Path, *inputs: Mapping[str, Any]) -> Path:
    """Write a log with a request for each inputs."""
    lines = [json.dumps({"request_id": str(index), "inputs": each}) for index, each in enumerate(inputs)]
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def read(folder: Path, logs: Sequence[Path]) -> LogTables:
    return log_tables([str(log) for log in logs], None, folder, lambda note: None)


def test_a_log_that_is_read_whole_has_no_note(tmp_path: Path) -> None:
    assert read(tmp_path, [write(tmp_path / "a.jsonl", {"x": 1.5, "y": "DE"})]).notes == ()


def test_values_of_another_type_are_a_note(tmp_path: Path) -> None:
    (note,) = read(tmp_path, [write(tmp_path / "a.jsonl", {"x": 1.5}, {"x": 2}, {"x": "much"})]).notes
    assert note.endswith("values of another type count as missing in input.x")


def test_a_feature_of_another_type_in_the_next_log_is_refused(tmp_path: Path) -> None:
    """DuckDB would take both for texts, and a text with many values hardly drifts."""
    logs = [write(tmp_path / "a.jsonl", {"x": 1.5}), write(tmp_path / "b.jsonl", {"x": "1.5"})]
    with pytest.raises(UserError, match=r"`input\.x` is text in .*b\.jsonl, but number in .*a\.jsonl"):
        read(tmp_path, logs)


def test_a_feature_without_a_value_has_the_type_of_the_other_log(tmp_path: Path) -> None:
    logs = [write(tmp_path / "a.jsonl", {"x": 1, "y": None}), write(tmp_path / "b.jsonl", {"x": 1, "y": "DE"})]
    assert len(read(tmp_path, logs).paths) == 2


def test_unreadable_entries_and_features_beyond_the_limit_are_counted(tmp_path: Path) -> None:
    log = write(tmp_path / "a.jsonl", {f"x{index}": 1 for index in range(MOST_COLUMNS + 2)})
    log.write_text(log.read_text("utf-8") + "{broken\n", "utf-8")
    tables = read(tmp_path, [log, write(tmp_path / "b.jsonl", {"x": 1})])
    assert (tables.unreadable, tables.left_out) == (1, 2)


def test_a_feature_that_differs_only_in_case_in_the_next_log_is_refused(tmp_path: Path) -> None:
    logs = [write(tmp_path / "a.jsonl", {"x": 1.5}), write(tmp_path / "b.jsonl", {"X": 1.5})]
    with pytest.raises(UserError, match=r"`input\.X` in .* and `input\.x` in .* differ only in case"):
        read(tmp_path, logs)


def test_a_feature_that_differs_only_in_case_is_left_out_and_named(tmp_path: Path) -> None:
    """DuckDB would rename the second one, and a training sample would not have it."""
    tables = read(tmp_path, [write(tmp_path / "a.jsonl", {"AMOUNT": 1}, {"amount": 40})])
    assert tables.left_out == 1
    assert tables.notes[0].endswith("different from another one only in case: input.amount")
