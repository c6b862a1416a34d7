"""The snippets of docs/prometheus.md: settings that load, and the query that is asked."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import folders

from rollout_spec.core.yaml.document import parse
from rollout_spec.domain.metrics import ticks
from rollout_spec.domain.metrics.clock import MOST as MOST_SKEW
from rollout_spec.domain.metrics.counts import Arms, count_query
from rollout_spec.domain.metrics.grid import Grid
from rollout_spec.domain.metrics.profiles import PROFILES
from rollout_spec.domain.metrics.selectors import Arm
from rollout_spec.integrations.http_connection import MOST_BYTES
from rollout_spec.integrations.prometheus.client import SECONDS
from rollout_spec.spec.rollout import Stage
from rollout_spec.spec.triggers import Comparison, Threshold
from rollout_spec.spec.workspace import WorkspaceSpec

PAGE = (folders.CHECKOUT / "docs/prometheus.md").read_text("utf-8")


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def spec(block: str) -> Any:
    return parse(block.encode()).data["spec"]


def test_the_settings_load() -> None:
    workspace, rollout = (spec(block) for block in blocks("yaml"))
    settings = WorkspaceSpec.model_validate(workspace).prometheus
    assert settings is not None and settings.auth is not None and settings.auth.bearer.env == "PROMETHEUS_TOKEN"
    stages = [Stage.model_validate(stage) for stage in rollout["stages"]]
    assert [stage.warmup_time for stage in stages] == [timedelta(minutes=3), timedelta(minutes=5)]
    (trigger,) = rollout["triggers"]
    assert Comparison.model_validate(trigger).judged_by == "external"


def test_the_query_is_the_one_that_is_asked() -> None:
    errors = {"name": "errors", "type": "threshold", "metric": "error_rate", "above": Decimal(5)}
    arms = Arms(*(Arm("fraud", version, "ml", f"fraud-v{version}") for version in ("42", "41")))
    begin = 1_763_640_000
    grid = Grid(float(begin), begin, begin + 202 * 4, 4)
    query = count_query(Threshold.model_validate(errors), PROFILES["generic"], {}, arms, grid)
    (shown,) = blocks("promql")
    assert " ".join(shown.split()).replace("( ", "(") == query.promql


def test_the_bounds_are_those_of_the_code() -> None:
    prose = " ".join(PAGE.split())
    assert f"One query has {SECONDS:g} seconds and an answer of at most {MOST_BYTES >> 20} MiB" in prose
    assert timedelta(seconds=30) == MOST_SKEW and "by more than 30 seconds" in prose
    assert ticks.MOST_MISSING == 0.1 and "more than a tenth of the time" in prose
