"""``drift`` on a real repository: logs, training samples, labels, series for Prometheus, and refused inputs."""

from __future__ import annotations

import io
import json
import subprocess
from contextlib import redirect_stderr
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from analysis_tables import START, write_table
from pyarrow import parquet
from real_servers import program
from repo import Repo, Result
from sklearn.datasets import load_breast_cancer

from rollout_spec.cli import main

pytestmark = pytest.mark.system

ROWS = 4_000
NAMES = [f"input.x[{index}]" for index in range(6)]
WINDOW = ("--window", "2026-11-02T00:00:00Z/2026-11-03T00:00:00Z")


def drawn(seed: int, **changes: Any) -> dict[str, Any]:
    """Return rows of breast cancer, drawn with replacement, with a score and changed columns."""
    generator = np.random.default_rng(seed)
    data = load_breast_cancer()
    rows = generator.integers(0, len(data.data), ROWS)
    columns = {name: data.data[rows, index] for index, name in enumerate(NAMES)}
    columns["input.size"] = np.where(
        columns[NAMES[0]] < 12, "small", np.where(columns[NAMES[0]] < 16, "medium", "large")
    )
    columns["output.score"] = np.clip(0.7 * data.target[rows] + generator.normal(0.15, 0.2, ROWS), 0, 1)
    return columns | changes


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the log of stable on the first day, and of both versions on the second."""
    folder = tmp_path_factory.mktemp("logs")
    write_table(folder / "equal" / "41.parquet", "41", drawn(1))
    second = START.replace(day=2)
    write_table(folder / "equal" / "42.parquet", "42", drawn(2), start=second)
    moved = drawn(2)
    moved[NAMES[3]] = moved[NAMES[3]] * 100
    write_table(folder / "moved" / "42.parquet", "42", moved, start=second)
    return folder


def drift(repo: Repo, *options: str | Path) -> Result:
    return repo.run("drift", "fraud", *WINDOW, *map(str, options))


def found(result: Result) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(result.out)
    return report


def test_a_wrong_unit_is_found_and_named(repo: Repo, logs: Path) -> None:
    result = drift(repo, "--log", logs / "equal" / "41.parquet", "--log", logs / "moved", "--format", "json")
    report = found(result)
    assert (result.status, report["verdict"]) == (1, "breach")
    breaches = {each["name"]: each for each in report["features"] if each["verdict"] == "breach"}
    assert list(breaches) == [NAMES[3]]
    out_of_range = next(each for each in breaches[NAMES[3]]["measures"] if each["measure"] == "out of range")
    assert (out_of_range["verdict"], out_of_range["value"]) == ("breach", 1.0)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_training_sample_is_the_reference(repo: Repo, logs: Path, tmp_path: Path, kind: str) -> None:
    """Its columns have the names of the features, with or without ``input.``; others are ignored."""
    columns = drawn(7)
    table = pa.table(
        {name.removeprefix("input.") if index % 2 else name: columns[name] for index, name in enumerate(columns)}
    )
    table = table.append_column("customer", pa.array(["x"] * ROWS))
    if kind == "csv":
        from pyarrow import csv

        csv.write_csv(table, tmp_path / "train.csv")
    else:
        parquet.write_table(table, tmp_path / "train.parquet")
    report = found(drift(repo, "--log", logs / "equal", "--reference", tmp_path / f"train.{kind}", "--format", "json"))
    assert (report["verdict"], report["reference"]["rows"]) == ("ok", ROWS)
    assert {each["name"] for each in report["features"]} == set(columns)
    assert report["notes"] == []


def test_labels_measure_both_versions(repo: Repo, logs: Path, tmp_path: Path) -> None:
    second = START.replace(day=2)
    old = write_table(tmp_path / "log" / "41.parquet", "41", drawn(3), start=second)
    write_table(tmp_path / "log" / "42.parquet", "42", drawn(4), start=second)
    score = np.array(drawn(4)["output.score"])
    lines = [
        "request_id,label",
        *(f"42-{index},{int(score[index] > 0.6)}" for index in range(3_000)),
        "42-0,1",
        "42-0,0",
    ]
    (tmp_path / "labels.csv").write_text("\n".join(lines) + "\n", "utf-8")
    options = ("--labels", tmp_path / "labels.csv", "--format", "json", "--reference", old)
    report = found(drift(repo, "--log", tmp_path / "log", *options))
    versions = {each["version"]: each for each in report["performance"]}
    assert (versions["41"]["labelled"], versions["41"]["unlabelled"]) == (0, ROWS)
    new = versions["42"]
    assert (new["labelled"], new["unlabelled"], new["unusable"]) == (2_999, 1_000, 1)
    answers, truth = score[1:3_000] >= 0.5, score[1:3_000] > 0.6
    assert new["recall"]["rate"] == 1
    assert new["precision"]["events"] == (answers & truth).sum()
    assert new["precision"]["total"] == answers.sum()
    assert new["auc"] > 0.999


def test_equal_traffic_is_ok_and_its_series_pass_promtool(repo: Repo, logs: Path) -> None:
    file = repo.workspace / "drift.prom"
    result = drift(repo, "--log", logs / "equal", "--openmetrics", file)
    assert (result.status, result.out.splitlines()[0]) == (0, "fraud 42: ok")
    assert "4,000 rows of 41 until 2026-11-02T00:00:00Z" in result.out
    text = file.read_text("utf-8")
    checked = subprocess.run([program("promtool"), "check", "metrics"], input=text, capture_output=True, text=True)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")
    assert 'rollout_spec_drift_verdict{workspace="acme-models",rollout="fraud",version="42",verdict="ok"} 1.0' in text
    assert [path.name for path in repo.workspace.iterdir() if path.name.endswith(".part")] == []


def test_a_log_of_json_lines_is_converted(repo: Repo, tmp_path: Path) -> None:
    """Entries that cannot be read are counted in a note."""
    lines = []
    for version, day in (("41", 1), ("42", 2)):
        for index in range(60):
            record = {
                "request_id": f"{version}-{index}", "time": f"2026-11-0{day}T10:00:{index:02}Z", "model": "fraud",
                "version": version,
                "inputs": [{"name": "amount", "datatype": "FP64", "shape": [1], "data": [index % 7]}],
                "outputs": [{"name": "score", "datatype": "FP64", "shape": [1], "data": [0.25]}],
            }  # fmt: skip
            lines.append(json.dumps(record))
    (tmp_path / "log.jsonl").write_text("\n".join([*lines, "{broken"]) + "\n", "utf-8")
    report = found(drift(repo, "--log", tmp_path / "log.jsonl", "--format", "json"))
    assert (report["window"]["rows"], report["reference"]["rows"]) == (60, 60)
    assert report["verdict"] == "inconclusive"
    assert "1 entries cannot be read" in report["notes"][0]


def test_a_log_of_which_much_is_unreadable_is_not_ok(repo: Repo, tmp_path: Path) -> None:
    """A window whose strange requests are broken JSON would look like the reference."""
    lines = []
    for index in range(6_000):
        version, day = ("41", 1) if index % 2 else ("42", 2)
        record = {"request_id": str(index), "time": f"2026-11-0{day}T10:00:00Z", "version": version,
                  "inputs": {"amount": index // 20 % 10}}  # fmt: skip
        lines.append(json.dumps(record) if index % 2 or index % 20 else "{broken")
    (tmp_path / "log.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
    result = drift(repo, "--log", tmp_path / "log.jsonl")
    assert (result.status, result.out.splitlines()[0]) == (1, "fraud 42: inconclusive")
    assert "note: the verdict cannot be ok: up to 10% of the window cannot be read" in result.out


def test_a_window_without_rows_is_no_data(repo: Repo, logs: Path) -> None:
    """Each format says so."""
    options = ("--window", "2026-12-02T00:00:00Z/2026-12-03T00:00:00Z", "--log", str(logs / "equal"))
    result = repo.run("drift", "fraud", *options)
    first = "  window: 0 rows of 42 since 2026-12-02T00:00:00Z until 2026-12-03T00:00:00Z"
    assert (result.status, result.out.splitlines()[:2]) == (1, ["fraud 42: no-data", first])
    markdown = repo.run("drift", "fraud", *options, "--format", "markdown").out
    assert markdown.startswith("**Drift of fraud 42: no-data.**\n")


@pytest.mark.parametrize(
    ("options", "status", "message"),
    [
        (("--log", "missing"), 2, "no log at"),
        (("--log", "ftp://example.com/log"), 2, "has a scheme that is not read"),
        (("--window", "yesterday"), 2, "--window: a duration has units"),
        (("--window", "2026-11-03T00:00:00Z/2026-11-02T00:00:00Z"), 2, "is not before the end"),
        (("--window", "2026-11-03/2026-11-02"), 2, "--window: a time is RFC 3339"),
        (("--window", "999999999d"), 2, "the window is longer than dates reach"),
        (("--version", "77"), 2, "fraud has no version 77"),
        (("--reference", "x", "--reference-period", "y"), 2, "exclude each other"),
        (("--score", "nothing"), 2, "the log has no score `output.nothing`"),
        (("--reference", "rollouts/fraud.yaml"), 2, "no column of"),
        (("--labels", "rollouts/fraud.yaml"), 2, "has no column `request_id`"),
        (("--reference", "/dev/zero"), 2, "/dev/zero is n"),
    ],
)
def test_unusable_inputs_are_named(repo: Repo, logs: Path, options: tuple[str, ...], status: int, message: str) -> None:
    result = drift(repo, *(() if "--log" in options else ("--log", str(logs / "equal"))), *options)
    assert (result.status, result.out) == (status, "")
    assert message in result.err


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--memory", "much", "expected a number with its unit, such as 512MB or 4GB"),
        ("--limit", "0", "expected a number between 0 and 1, such as 0.05"),
        ("--alpha", "nan", "expected a number between 0 and 1, such as 0.05"),
        ("--threshold", "half", "expected a number between 0 and 1, such as 0.05"),
    ],
)
def test_numbers_out_of_range_are_refused(repo: Repo, option: str, value: str, message: str) -> None:
    errors = io.StringIO()
    with redirect_stderr(errors):
        assert main(["--repo", str(repo.workspace), "drift", "fraud", option, value]) == 2
    assert message in errors.getvalue()


@pytest.mark.parametrize("address", ["/etc", "../secret", "file:///etc/passwd", "ftp://example.com/x"])
def test_a_rollout_names_no_file_outside_of_the_workspace(repo: Repo, address: str) -> None:
    """A pull request can write ``service.inferenceLog``."""
    repo.edit("rollouts/fraud.yaml", "inferenceLog: s3://inference-logs/fraud/", f"inferenceLog: {address}")
    result = drift(repo)
    assert (result.status, result.out) == (2, "")
    assert "`service.inferenceLog` of fraud is outside of the workspace" in result.err


def test_the_log_of_the_rollout_is_the_default(repo: Repo, logs: Path) -> None:
    repo.edit("rollouts/fraud.yaml", "inferenceLog: s3://inference-logs/fraud/", "inferenceLog: logs")
    (repo.workspace / "logs").mkdir()
    for path in (logs / "equal").iterdir():
        (repo.workspace / "logs" / path.name).write_bytes(path.read_bytes())
    assert drift(repo).status == 0
