"""The query of a trigger names both versions and both counters, on moments that later reads repeat."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from amounts import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from rollout_spec.domain.metrics.counts import Arms, CountQuery, count_query
from rollout_spec.domain.metrics.grid import Grid, grid
from rollout_spec.domain.metrics.profiles import PROFILES
from rollout_spec.domain.metrics.selectors import Arm, Immeasurable
from rollout_spec.spec.triggers import Comparison, Latency, Threshold
from rollout_spec.spec.workspace import Metric, Ratio, Value

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
GRID = Grid(NOON.timestamp(), int(NOON.timestamp()), int(NOON.timestamp()) + 600, 4)
STABLE, CANDIDATE = (Arm("fraud", version, "ml", f"fraud-v{version}") for version in ("41", "42"))
ERRORS = Threshold.model_validate({"name": "errors", "type": "threshold", "metric": "error_rate", "above": Decimal(5)})
times = st.integers(0, 2_000_000_000_000).map(lambda ms: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms))


def query(trigger: Any, profile: str = "istio", own: dict[str, Metric] | None = None, both: bool = True) -> CountQuery:
    arms = Arms(CANDIDATE, STABLE if both else None)
    return count_query(trigger, PROFILES[profile], own or {}, arms, GRID)


def ratio(events: str, total: str) -> dict[str, Metric]:
    return {"conversion": Ratio(kind="ratio", good="up", events=events, total=total)}


def comparison(metric: str) -> Comparison:
    return Comparison.model_validate({"name": "c", "type": "comparison", "metric": metric, "drop": "5%"})


def latency(above: str) -> Latency:
    return Latency.model_validate({"name": "sla", "type": "latency", "quantile": "99%", "above": above})


def added(selector: str, arm: str, count: str) -> str:
    return " or ".join(
        f'label_replace(label_replace({value}, "rollout_spec_arm", "{arm}", "", ""), '
        f'"rollout_spec_count", "{name}", "", "")'
        for value, name in ((selector, count), (f"timestamp({selector})", f"{count}_time"))
    )


def test_one_query_reads_all_counters_of_both_versions() -> None:
    def selector(backend: str, more: str = "") -> str:
        labels = f'reporter="destination", destination_workload="{backend}", destination_workload_namespace="ml"'
        return f"istio_requests_total{{{labels}{more}}}"

    failed = ', response_code=~"5.."'
    assert (
        query(ERRORS).promql
        == "("
        + " or ".join(
            (
                added(selector("fraud-v41"), "stable", "total"),
                added(selector("fraud-v41", failed), "stable", "part"),
                added(selector("fraud-v42"), "candidate", "total"),
                added(selector("fraud-v42", failed), "candidate", "part"),
            )
        )
        + ")[10m2s:4s]"
    )
    assert query(ERRORS).at == NOON + timedelta(minutes=10)


def test_the_candidate_can_be_read_alone() -> None:
    alone = query(ERRORS, both=False)
    assert "stable" not in alone.promql and "fraud-v41" not in alone.promql
    assert alone.versions == {"candidate": "42"}


def test_the_version_is_added_to_the_selectors_of_a_workspace() -> None:
    made = query(comparison("conversion"), "generic", ratio('orders{shop="a"}', "sessions"))
    for arm, version in (("stable", "41"), ("candidate", "42")):
        assert added(f'sessions{{version="{version}"}}', arm, "total") in made.promql
        assert added(f'orders{{shop="a", version="{version}"}}', arm, "part") in made.promql


def test_latency_counts_the_bucket_at_the_bound() -> None:
    made = query(latency("250ms"))
    assert made.is_latency
    assert 'istio_request_duration_milliseconds_count{reporter="destination"' in made.promql
    assert r'le=~"250(\\.0+)?"' in made.promql
    assert r'le=~"0\\.25(\\.0+)?"' in query(latency("250ms"), "generic").promql


@pytest.mark.parametrize(
    ("bound", "nearest"), [("180ms", "100ms or 250ms"), ("20h", "1h"), ("0s", "write 1ms"), ("100ms", "")]
)
def test_latency_between_two_boundaries_cannot_be_counted(bound: str, nearest: str) -> None:
    if not nearest:
        query(latency(bound))
        return
    with pytest.raises(Immeasurable, match=f"no bucket of istio_request_duration_milliseconds ends there; .*{nearest}"):
        query(latency(bound))


@pytest.mark.parametrize(
    ("trigger", "own", "reason"),
    [
        (comparison("psi"), {"psi": Value(kind="value", good="down", query="psi")}, "`psi` is a value"),
        (comparison("absent"), {}, "declares the metric `absent`"),
        (comparison("conversion"), ratio("orders{", "sessions"), "not a selector"),
        (comparison("conversion"), ratio('o{version="4"}', 's{version="4"}'), "the same requests for both versions"),
    ],
)
def test_some_metrics_cannot_be_counted(trigger: Comparison, own: dict[str, Metric], reason: str) -> None:
    with pytest.raises(Immeasurable, match=reason):
        query(trigger, "generic", own)


@pytest.mark.parametrize(
    ("hold", "length", "step"),
    [
        (timedelta(minutes=15), timedelta(minutes=15), 4),
        (timedelta(minutes=15), timedelta(minutes=33), 4),
        (timedelta(minutes=15), timedelta(minutes=34), 8),
        (timedelta(hours=48), timedelta(hours=1), 720),
        (timedelta(minutes=1), timedelta(minutes=1), 1),
        (None, timedelta(minutes=1), 1),
        (None, timedelta(hours=1), 8),
    ],
)
def test_the_step_depends_on_the_hold(hold: timedelta | None, length: timedelta, step: int) -> None:
    made = grid(NOON, NOON + length, hold)
    assert made is not None and made.step == step


def test_a_window_of_less_than_two_moments_has_no_grid() -> None:
    assert grid(NOON, NOON, None) is None
    assert grid(NOON, NOON - timedelta(hours=1), None) is None
    assert grid(NOON, NOON + timedelta(seconds=3), timedelta(minutes=15)) is None
    assert grid(NOON, NOON + timedelta(seconds=4), timedelta(minutes=15)) is not None


@settings(max_examples=examples(400), deadline=None, database=None, derandomize=True)
@given(times, st.integers(2_000, 10**9), st.integers(0, 10**9), st.none() | st.integers(1, 10**7))
def test_later_reads_repeat_the_moments_of_earlier_ones(
    start: datetime, first: int, more: int, hold: int | None
) -> None:
    length = timedelta(seconds=hold) if hold else None
    early = grid(start, start + timedelta(milliseconds=first), length)
    late = grid(start, start + timedelta(milliseconds=first + more), length)
    if early is None:
        return
    assert late is not None
    for each in (early, late):
        points = range(each.first, each.last + 1, each.step)
        assert 2 <= len(points) <= 501
        assert start.timestamp() <= each.first < start.timestamp() + each.step
    assert late.step % early.step == 0
    assert all(point % early.step == 0 for point in (late.first, late.last))
