"""Temporary storage: ids, and halves that wait, within a bound of space."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from rollout_spec.core.errors import OUTSIDE, UserError
from rollout_spec.core.inference import InferenceRecord
from rollout_spec.integrations.inference_logs import joining, read_log
from rollout_spec.integrations.inference_logs.scratch import Scratch


@pytest.fixture
def scratch() -> Iterator[Scratch]:
    with closing(Scratch(most_bytes=2 * 1024 * 1024)) as opened:
        yield opened


def test_an_id_is_new_once(scratch: Scratch) -> None:
    assert [scratch.is_new(name) for name in ("a", "b", "a", "A", "a\0", "")] == [True, True, False, True, True, True]


def test_a_half_is_taken_once_and_by_its_side(scratch: Scratch) -> None:
    assert scratch.keep("request", "a\0\n", "body")
    assert not scratch.keep("request", "a\0\n", "other")
    assert scratch.keep("response", "a", "another")
    assert scratch.look("request", "a\0\n") == "body"
    assert scratch.take("request", "a") is None
    assert scratch.take("request", "a\0\n") == "body"
    assert scratch.take("request", "a\0\n") is None
    assert list(scratch.rest("response")) == ["another"]


def test_the_rest_comes_in_order(scratch: Scratch) -> None:
    for name in ("c", "a", "b"):
        scratch.keep("request", name, name)
    scratch.take("request", "a")
    assert list(scratch.rest("request")) == ["c", "b"]


def test_too_many_halves_are_an_error(scratch: Scratch) -> None:
    with pytest.raises(UserError) as error:
        for number in range(100):
            scratch.keep("request", str(number), "x" * 100_000)
    assert error.value.message.startswith("the log cannot be joined within 0.00195312 GiB of temporary space: ")
    assert error.value.hint == "name a smaller part of the log, or free space in TMPDIR"
    assert error.value.status == OUTSIDE


def test_space_of_taken_halves_is_used_again(scratch: Scratch) -> None:
    for number in range(200):
        assert scratch.keep("request", str(number), "x" * 100_000)
        assert scratch.take("request", str(number)) is not None


def test_a_join_gives_up_with_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joining, "Scratch", lambda: Scratch(most_bytes=256 * 1024))
    headers = {"Ce-Type": "org.kubeflow.serving.inference.request"}
    events = [{"headers": {**headers, "Ce-Id": str(number)}, "body": {"x": "y" * 10_000}} for number in range(50)]
    (tmp_path / "log").write_text("\n".join(map(json.dumps, events)), "utf-8")
    with pytest.raises(UserError, match="cannot be joined"):
        list(read_log(str(tmp_path / "log")))


def test_a_reader_may_stop_before_the_end(tmp_path: Path) -> None:
    records = [{"request_id": str(number), "inputs": {"x": 1}} for number in range(10)]
    (tmp_path / "log").write_text("\n".join(map(json.dumps, records)), "utf-8")
    first = next(read_log(str(tmp_path / "log")))
    assert isinstance(first, InferenceRecord)
