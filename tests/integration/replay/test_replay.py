"""A replay against real scikit-learn models gives the divergence that numpy finds in the logs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyarrow import parquet
from replaying import FAILED, Logged, Replaying, measures
from statsmodels.stats.contingency_tables import mcnemar  # type: ignore[import-untyped]
from statsmodels.stats.proportion import proportion_confint  # type: ignore[import-untyped]

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("replay")]


def assert_share(measure: dict[str, Any], moved: Any) -> None:
    """Compare a share of rows with those that moved, and its interval with Wilson's."""
    count, rows = int(moved.sum()), len(moved)
    low, high = proportion_confint(count, rows, method="wilson")
    assert measure["value"] == pytest.approx(count / rows)
    assert measure["interval"] == pytest.approx([low, high])
    assert (measure["floor"], measure["excess"]) == (0, pytest.approx(count / rows))


def test_the_flip_rate_of_classes(replaying: Replaying) -> None:
    report = replaying.report("digits")
    logged, replayed, labels = Logged.read(replaying.log("digits")).answers
    assert_share(measures(report)["flip rate"], logged != replayed)
    (output,) = (each for each in report["outputs"] if each["segment"] is None)
    assert output["kind"] == "class" and output["rows"] == len(logged)
    classes = {(each["logged"], each["replayed"]): each["rows"] for each in output["classes"]}
    assert classes == {
        (str(one), str(other)): int(((logged == one) & (replayed == other)).sum())
        for one in set(logged)
        for other in set(replayed)
        if ((logged == one) & (replayed == other)).any()
    }
    worse, better = ((logged == labels) & (replayed != labels)).sum(), ((logged != labels) & (replayed == labels)).sum()
    assert (output["labels"]["only_logged_right"], output["labels"]["only_replayed_right"]) == (worse, better)
    assert output["labels"]["p"] == pytest.approx(mcnemar([[0, worse], [better, 0]], exact=True).pvalue, rel=1e-6)


def test_the_shift_of_scores(replaying: Replaying) -> None:
    report = replaying.report("cancer")
    logged, replayed, _ = Logged.read(replaying.log("cancer")).answers
    found = measures(report)
    assert_share(found["crosses the threshold"], (logged >= 0.5) != (replayed >= 0.5))
    assert found["mean absolute difference"]["value"] == pytest.approx(np.abs(replayed - logged).mean())
    assert found["bias"]["value"] == pytest.approx((replayed - logged).mean())
    for share in (50, 90, 99):
        quantile = found[f"absolute difference, {share}% quantile"]["value"]
        assert quantile == pytest.approx(np.quantile(np.abs(replayed - logged), share / 100))
    (histogram,) = report["differences"]
    assert sum(histogram["failed"]) == sum(histogram["floor"]) == len(logged)
    assert max(histogram["floor"]) == len(logged)
    farthest = sorted(np.abs(replayed - logged))[-1]
    assert report["moved"][0]["distance"] == pytest.approx(farthest)


def test_the_segments_of_numbers(replaying: Replaying) -> None:
    report = replaying.report("diabetes")
    for segment in ("web", "app", "partner"):

        def is_of(record_id: str, segment: str = segment) -> bool:
            return ("web", "app", "partner")[int(record_id.split("-")[-1]) % 3] == segment

        logged, replayed, _ = Logged.read(replaying.log("diabetes"), is_of).answers
        found = measures(report, segment)
        assert found["mean absolute difference"]["value"] == pytest.approx(np.abs(replayed - logged).mean())
        square = np.sqrt(((replayed - logged) ** 2).mean())
        assert found["root mean squared difference"]["value"] == pytest.approx(square)


def test_mlflow_gives_the_same_answers(replaying: Replaying, tmp_path: Path) -> None:
    pairs = tmp_path / "pairs.parquet"
    report = replaying.report("diabetes", "--protocol", "mlflow", "--pairs", str(pairs))
    logged, replayed, _ = Logged.read(replaying.log("diabetes")).answers
    assert measures(report)["bias"]["value"] == pytest.approx((replayed - logged).mean())
    table = parquet.read_table(pairs)
    assert table.num_rows == 2 * len(logged)
    assert set(table.column("arm").to_pylist()) == {"failed", "floor"}


def test_the_records_and_the_load_are_counted(replaying: Replaying, tmp_path: Path) -> None:
    lines = replaying.log("digits").read_text("utf-8").splitlines()
    odd = lines[0].replace('"version": "42"', '"version": "40"').replace("digits-42-0", "odd")
    refused = lines[0].replace('"latency_ms"', '"status": 500, "latency_ms"').replace("digits-42-0", "refused")
    log = tmp_path / "log.jsonl"
    log.write_text("\n".join([*lines[:60], odd, refused, lines[0], "{half", *lines[60:200]]) + "\n", "utf-8")
    report = replaying.report("digits", "--limit", "50", "--rate", "400")
    assert report["server"]["sent"] == 100 and report["server"]["warmup"] == 5
    assert report["server"]["seconds"] >= 0.15
    assert report["arms"]["failed"]["requests"] == report["arms"]["floor"]["requests"] == 50
    assert sum(replaying.asked().values()) == 105
    records = replaying.report("digits", "--log", str(log))["records"]
    assert {name: records[name] for name in ("replayed", "otherVersion", "otherStatus", "unreadable")} == {
        "replayed": 200,
        "otherVersion": 1,
        "otherStatus": 1,
        "unreadable": 2,
    }


FAULTS = {
    "server-error": "server-error",
    "hang": "timeout",
    "reset": "no-connection",
    "garbage": "not-json",
    "wrong-shape": "other-shape",
    "other-name": "other-outputs",
    "nan": "not-a-number",
    "wrong-format": "wrong-format",
}
"""The kind of the failure that each fault of the server is reported as."""


def test_a_request_that_fails_is_counted_and_not_averaged(replaying: Replaying) -> None:
    ids = Logged.read(replaying.log("diabetes")).ids(FAILED)[20:]
    broken = {request_id: fault for fault in FAULTS for request_id in (ids.pop(), ids.pop())}
    replaying.control(broken)
    report = replaying.report("diabetes", "--timeout", "300ms", "--concurrency", "2")
    failures = report["arms"]["failed"]["failures"]
    assert {kind: each["requests"] for kind, each in failures.items()} == dict.fromkeys(FAULTS.values(), 2)
    for fault, kind in FAULTS.items():
        shown = {each["request_id"] for each in failures[kind]["examples"]}
        assert shown == {request_id for request_id, its in broken.items() if its == fault}
    assert report["arms"]["floor"]["failures"] == {}
    logged, replayed, _ = Logged.read(replaying.log("diabetes"), lambda each: each not in broken).answers
    assert measures(report)["mean absolute difference"]["value"] == pytest.approx(np.abs(replayed - logged).mean())
    text = replaying.run("diabetes", "--timeout", "300ms").out
    assert "157 compared (" in text and "timeout 2: no whole answer in time" in text


def test_labels_may_lie_apart_from_the_log(replaying: Replaying, tmp_path: Path) -> None:
    records = Logged.read(replaying.log("digits")).records[:200]
    log, labels = tmp_path / "log.jsonl", tmp_path / "labels.jsonl"
    without = ({name: value for name, value in record.items() if name != "label"} for record in records)
    log.write_text("".join(json.dumps(record) + "\n" for record in without), "utf-8")
    kept = ({name: record[name] for name in ("request_id", "label")} for record in records)
    labels.write_text("".join(json.dumps(record) + "\n" for record in kept), "utf-8")
    more = ("--log", str(log), "--rate", "5000")
    apart = replaying.report("digits", *more, "--labels", str(labels))
    logged, replayed, truth = Logged(records).answers
    (output,) = (each for each in apart["outputs"] if each["segment"] is None)
    found = {name: output["labels"][name] for name in ("both_right", "only_logged_right", "only_replayed_right")}
    right, again = logged == truth, replayed == truth
    expected = {"both_right": right & again, "only_logged_right": right & ~again, "only_replayed_right": ~right & again}
    assert found == {name: int(rows.sum()) for name, rows in expected.items()}
    (output,) = (each for each in replaying.report("digits", *more)["outputs"] if each["segment"] is None)
    assert output["labels"] is None
