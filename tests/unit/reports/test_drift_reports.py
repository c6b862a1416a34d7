"""Reports of drift: hostile names stay text in each format, and the series are those of the report."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from rollout_spec.checks.reporters.base import json_text
from rollout_spec.core.drift import DriftCounts, FeatureBins, FeatureCounts, LabelledCounts
from rollout_spec.domain.drift.features import Limits
from rollout_spec.domain.drift.labelled import performance_of
from rollout_spec.domain.drift.report import DriftReport, Side, judge_features
from rollout_spec.reports.drift_json import drift_json
from rollout_spec.reports.drift_markdown import drift_markdown
from rollout_spec.reports.drift_openmetrics import drift_openmetrics
from rollout_spec.reports.drift_text import MOST_FEATURES, drift_text

NOW = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)
HOSTILE = 'input.<img src=x onerror=alert(1)>"}\n# EOF\n@team `x` | [a](http://b)\x1b[2J\u202e'


def report(names: list[str], moved: str | None = None) -> DriftReport:
    """Return a report of features of 2,000 rows, one of which may have changed."""
    old = FeatureCounts(2_000, 0, (1_000, 1_000), 0.0, 1.0, 0.5, math.nan)
    new = FeatureCounts(2_000, 10, (1_500, 490), 0.0, 1.0, 0.4, 0.1)
    bins = {name: FeatureBins(name, False, 2_000, (0.5,)) for name in names}
    window = {name: new if name == moved else old for name in names}
    features = judge_features(DriftCounts(bins, dict.fromkeys(names, old), window, 2_000, 2_000), Limits())
    labelled = LabelledCounts(5, 1, (0,) * 500 + (3,) * 500, (2,) * 1_000)
    return DriftReport(
        "acme", "fraud", "42", NOW, Side("log", "41", None, NOW, 2_000), Side("log", "42", NOW, NOW, 2_000), Limits(),
        features, (performance_of("42", names[0], labelled, 0.5),), (f"a note about {names[0][:30]}",),
    )  # fmt: skip


def test_text_lists_the_strongest_verdicts_first() -> None:
    text = drift_text(report(["input.a", "input.b"], moved="input.b"))
    lines = text.splitlines()
    assert lines[0] == "fraud 42: breach"
    assert lines[4].split() == ["feature", "verdict", "PSI", "noise", "missing"]
    assert lines[5].split()[:2] == ["input.b", "breach"]
    assert "PSI 0.2" in lines[5]
    assert lines[6].split()[:2] == ["input.a", "ok"]
    assert "AUC 0.750 (0.734 to 0.766)" in lines[7]
    assert "3,500 rows have a label, 5 have none yet, 1 unusable" in lines[7]


def test_json_has_all_features_and_no_nan() -> None:
    found: dict[str, Any] = json.loads(json_text(drift_json(report(["input.a", HOSTILE], moved=HOSTILE))))
    assert (found["verdict"], found["features"][0]["name"]) == ("breach", HOSTILE)
    assert found["features"][1]["window"]["deviation"] is None
    assert found["features"][0]["measures"][0].keys() == {"measure", "verdict", "value", "limit", "p"}
    assert found["performance"][0]["aucInterval"][0] < 0.75


def test_series_are_those_of_the_report() -> None:
    made = report(["input.a", HOSTILE, "input." + "n" * 300 + "1", "input." + "n" * 300 + "2"], moved="input.a")
    families = {family.name: family for family in text_string_to_metric_families(drift_openmetrics(made))}
    psi = {sample.labels["feature"]: sample.value for sample in families["rollout_spec_drift_psi"].samples}
    assert len(psi) == 4
    assert psi["input.a"] == pytest.approx(made.sorted[0].psi)
    verdicts = {sample.labels["verdict"]: sample.value for sample in families["rollout_spec_drift_verdict"].samples}
    assert verdicts == {"breach": 1, "inconclusive": 0, "no-data": 0, "ok": 0}
    (moment,) = families["rollout_spec_drift_timestamp_seconds"].samples
    assert moment.value == NOW.timestamp()
    assert {sample.labels["workspace"] for family in families.values() for sample in family.samples} == {"acme"}


def test_two_features_never_share_a_series() -> None:
    """Prometheus refuses a file with two equal series, so a caller could silence all of them."""
    long = "input." + "x" * 300
    names = [
        "input.a\x01",
        "input.a\\u0001",
        "input.a\\\\u0001",
        "input.a\n",
        "input.a\\n",
        f"{long}\ud800",
        f"{long}\ud801",
    ]
    lines = drift_openmetrics(report(names)).splitlines()
    series = [line.rpartition(" ")[0] for line in lines if not line.startswith("#")]
    assert len(series) == len(set(series))


@pytest.mark.parametrize("make", [drift_text, drift_markdown, drift_openmetrics])
def test_hostile_names_stay_text(make: Callable[[DriftReport], str]) -> None:
    made = make(report([HOSTILE], moved=HOSTILE))
    assert "\x1b" not in made and "\u202e" not in made
    assert made.count("# EOF\n") == (1 if make is drift_openmetrics else 0)
    if make is drift_markdown:
        assert all(line.count("|") == 5 for line in made.splitlines() if line.startswith("|"))
        assert "<img" not in made.replace("`", "`\n", 1).split("`\n")[0]


def test_a_long_list_is_cut() -> None:
    names = [f"input.x[{index}]" for index in range(MOST_FEATURES + 5)]
    assert "and 5 more features, none with a stronger verdict" in drift_text(report(names))
    assert "and 5 more features" in drift_markdown(report(names))
