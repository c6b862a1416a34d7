"""The examples and limits of docs/inference-logs.md."""

from __future__ import annotations

import json
import re
from pathlib import Path

import folders
import pytest
from pyarrow import parquet

from rollout_spec.core.tensors import MOST_ROWS, MOST_TENSORS
from rollout_spec.core.yaml.document import parse
from rollout_spec.integrations.inference_logs import FORMATS, LogOptions
from rollout_spec.integrations.inference_logs.columns import LONGEST_VALUE, MOST_COLUMNS
from rollout_spec.integrations.inference_logs.lines import LONGEST_LINE, MOST_EXPANSION
from rollout_spec.integrations.inference_logs.scratch import MOST_BYTES
from rollout_spec.integrations.inference_logs.table import as_table
from rollout_spec.integrations.inference_logs.table_parts import FACTS

PAGE = (folders.CHECKOUT / "docs/inference-logs.md").read_text("utf-8")
SECTION = re.compile(
    r"^## (?P<heading>.+)\n\nFormat `(?P<format>[a-z-]+)`\.(?P<text>(?:.|\n)*?)(?=^## |\Z)", re.MULTILINE
)
EXAMPLE = re.compile(r"^```json\n(.*?)^```", re.MULTILINE | re.DOTALL)
SECTIONS = {match["format"]: match["text"] for match in SECTION.finditer(PAGE)}
OPTIONS = LogOptions(endpoints={"AllTraffic": "43", "e1": "43"})


def shown_row() -> dict[str, str]:
    """Return the row that all examples give."""
    lines = PAGE.split("give the same row:\n\n")[1].splitlines()
    names, values = ([cell.strip(" `") for cell in line.strip("|").split("|")] for line in (lines[0], lines[2]))
    return dict(zip(names, values, strict=True))


@pytest.mark.parametrize("name", sorted(set(FORMATS) - {"parquet"}))
def test_the_example_of_a_format_gives_the_row(name: str, tmp_path: Path) -> None:
    (example,) = EXAMPLE.findall(SECTIONS[name])
    log = tmp_path / "fraud/AllTraffic/2026/11/20/10/log"
    log.parent.mkdir(parents=True)
    log.write_text(example, "utf-8")
    table = as_table(str(tmp_path / "fraud"), tmp_path / "table.parquet", options=OPTIONS)
    (row,) = parquet.read_table(table.paths[0]).to_pylist()
    assert table.summary.format == name
    assert table.summary.unreadable == 0
    found = {
        column: f"{row[column]:g}" if isinstance(row[column], float) else str(row[column]) for column in shown_row()
    }
    assert found == shown_row()
    assert row["weight"] == (4 if name == "databricks" else 1)


def test_the_page_names_every_format_once() -> None:
    table = PAGE.split("\n\n")[2]
    assert re.findall(r"^\| `([a-z-]+)` \|", table, re.MULTILINE) == list(FORMATS)
    assert set(SECTIONS) == set(FORMATS) - {"parquet"}


def test_the_label_of_the_page_is_joined(tmp_path: Path) -> None:
    (label,) = EXAMPLE.findall(PAGE.split("\n## Labels\n")[1].split("\n## ")[0])
    (tmp_path / "labels").write_text(label, "utf-8")
    (tmp_path / "log").write_text('{"request_id": "7f3a", "inputs": {"age": 40}}', "utf-8")
    options = LogOptions(labels=str(tmp_path / "labels"))
    table = as_table(str(tmp_path / "log"), tmp_path / "table.parquet", options=options)
    assert parquet.read_table(table.paths[0]).column("label_number").to_pylist() == [1.0]


def test_the_columns_and_limits_of_the_page_are_those_of_the_code() -> None:
    named = re.findall(r"^\| (`[^|]+`) \|", PAGE.split("## The analysis table")[1].split("## ")[0], re.MULTILINE)
    columns = [name for cell in named for name in re.findall(r"`([^`]+)`", cell)]
    assert set(columns) == {*FACTS, "input.NAME", "output.NAME"}
    text = " ".join(PAGE.split())
    assert f"a line has at most {LONGEST_LINE // 2**20} MiB" in text
    assert f"a request {MOST_ROWS:,} rows and {MOST_TENSORS:,} tensors" in text
    assert f"temporary storage of at most {MOST_BYTES // 2**30} GiB" in text
    assert f"more than {MOST_EXPANSION} times its size" in text
    assert f"at most {MOST_COLUMNS} columns" in text
    assert f"above {LONGEST_VALUE:,} characters" in text
    defaults = [f"`{key}`" for key in LogOptions().version_keys]
    assert f"{', '.join(defaults[:-1])} and {defaults[-1]}" in text


def test_the_annotation_of_the_page_is_the_one_of_our_manifests() -> None:
    (snippet,) = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    shown = parse(snippet.encode()).data
    (key,) = shown["metadata"]["annotations"]
    assert shown["spec"]["predictor"]["logger"]["metadataAnnotations"] == [key]
    assert key == LogOptions().version_keys[0]
    assert f"{key}:" in (folders.CHECKOUT / "templates/kserve/inference-service.yaml.j2").read_text("utf-8")
    events = [json.loads(line) for line in EXAMPLE.findall(SECTIONS["kserve"])[0].splitlines()]
    assert key in events[0]["headers"]["Ce-Annotations"]
