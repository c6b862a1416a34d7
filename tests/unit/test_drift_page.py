"""docs/drift.md lists every verdict, measure, series and option, and its settings load."""

from __future__ import annotations

import argparse
import re
from datetime import UTC, datetime
from typing import get_args

import folders
from pydantic import TypeAdapter

from rollout_spec.cli.commands.drift import FORMATS, configure
from rollout_spec.core.yaml.document import parse
from rollout_spec.domain.drift.features import LEAST_ROWS, Limits, MeasureName
from rollout_spec.domain.drift.report import DriftReport, Side
from rollout_spec.integrations.engines import ENGINES, MEMORY
from rollout_spec.integrations.engines import drift as queries
from rollout_spec.reports.drift_openmetrics import VERDICTS, drift_openmetrics
from rollout_spec.spec.triggers import Trigger
from rollout_spec.spec.workspace import Metric

PAGE = (folders.CHECKOUT / "docs/drift.md").read_text("utf-8")


def rows(heading: str) -> list[str]:
    """Return the names in the first column of the table after a heading."""
    table = PAGE.split(heading)[1].split("\n\n")[0]
    return [name for line in table.splitlines()[2:] for name in re.findall(r"`([\w -]+)`", line.split("|")[1])]


def test_every_verdict_and_measure_is_explained() -> None:
    assert set(rows("| verdict |")) == set(VERDICTS)
    assert set(rows("| measure |")) == set(get_args(MeasureName))


def test_every_series_is_listed() -> None:
    now = datetime(2026, 11, 20, tzinfo=UTC)
    side = Side("log", "42", None, None, 0)
    written = drift_openmetrics(DriftReport("acme", "fraud", "42", now, side, side, Limits(), ()))
    assert set(rows("| series |")) == set(re.findall(r"^# TYPE (\w+) gauge$", written, re.MULTILINE))


def test_every_option_is_named_with_its_default() -> None:
    parser = argparse.ArgumentParser()
    configure(parser)
    named = {option for action in parser._actions for option in action.option_strings}
    assert {option for option in named - {"-h", "--help"} if option not in PAGE} == set()
    assert all(f"--engine {name}`" in PAGE for name in ENGINES) and f"({MEMORY})" in PAGE
    assert all(name in PAGE for name in FORMATS)
    assert f"fewer than {LEAST_ROWS} values" in PAGE
    assert f"about {queries.SAMPLE:,} rows" in PAGE
    assert f"{queries.MOST_CATEGORIES} most frequent" in PAGE


def test_the_settings_load() -> None:
    texts = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    blocks = [parse(text.encode()).data for text in texts]
    (metric,) = TypeAdapter(dict[str, Metric]).validate_python(blocks[0]["metrics"]).values()
    assert metric.kind == "value"
    (trigger,) = TypeAdapter(list[Trigger]).validate_python(blocks[1]["triggers"])
    assert (trigger.metric, trigger.severity) == (next(iter(blocks[0]["metrics"])), "soft")  # type: ignore[union-attr]
