"""A metric that is a value is judged by all its values in the time of a breach."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from rollout_spec.core.series import Series
from rollout_spec.domain.metrics.selectors import Arm, Immeasurable
from rollout_spec.domain.metrics.values import (
    ValueQuery,
    ValueReading,
    breached_after,
    history_query,
    read_value,
    value_query,
)
from rollout_spec.spec.triggers import Threshold
from rollout_spec.spec.workspace import Value

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
ARM = Arm("fraud", "42", "ml", "fraud-v42")


def trigger(**fields: Any) -> Threshold:
    return Threshold.model_validate(
        {"name": "drift", "type": "threshold", "metric": "psi", "above": Decimal("0.2"), **fields}
    )


def query(watched: Threshold, text: str = "psi", start: datetime = NOON - timedelta(hours=1)) -> ValueQuery | None:
    return value_query(watched, Value(kind="value", good="down", query=text), ARM, start, NOON)


def read(*replicas: list[float | None], **fields: Any) -> ValueReading:
    """Read the values of replicas, each as a list over the moments of two minutes."""
    made = query(trigger(**{"for": "2m", **fields}))
    assert made is not None
    times = range(made.grid.first, made.grid.last + 1, made.grid.step)
    series = [
        Series(
            {"pod": str(number)},
            tuple((float(time), value) for time, value in zip(times, values, strict=True) if value is not None),
        )
        for number, values in enumerate(replicas)
    ]
    return read_value(made, series)


def steady(value: float, at: dict[int, float | None] | None = None) -> list[float | None]:
    values: list[float | None] = [value] * 21
    for index, other in (at or {}).items():
        values[index] = other
    return values


def test_the_query_covers_the_time_of_a_breach() -> None:
    text = 'psi{model="{{ rollout }}", version="{{ version }}"}'
    made = query(trigger(**{"for": "2m"}), text)
    assert made is not None and made.at == NOON
    assert made.promql == '(psi{model="fraud", version="42"})[2m3s:6s]'
    scalar = query(trigger(window="10m"), "scalar(psi)")
    assert scalar is not None and scalar.promql == "(vector(scalar(psi)))[10m15s:30s]"


def test_there_is_no_query_before_that_time_is_over() -> None:
    watched = trigger(**{"for": "2m"})
    assert query(watched, start=NOON - timedelta(minutes=2)) is not None
    assert query(watched, start=NOON - timedelta(seconds=119)) is None


def test_a_window_that_prometheus_refuses_is_no_query() -> None:
    with pytest.raises(Immeasurable, match="does not accept a duration of 0s"):
        query(trigger(**{"for": "2m"}, window="0s"))


@pytest.mark.parametrize(
    ("replicas", "verdict", "worst"),
    [
        ([steady(0.3)], "breach", 0.3),
        ([steady(0.1)], "ok", 0.1),
        ([steady(0.2)], "ok", 0.2),  # the bound itself is no breach
        ([steady(0.1), steady(0.3)], "breach", 0.3),
        ([steady(0.1, {3: 0.3})], "inconclusive", None),
        ([steady(0.3, {3: 0.1})], "inconclusive", None),
        ([steady(0.3, {3: None})], "no-data", None),
        ([steady(0.3, {0: None})], "no-data", None),
        ([steady(0.3, {20: None})], "no-data", None),
        ([steady(0.3, {3: None}), steady(0.1)], "inconclusive", None),
        ([steady(0.1, {3: float("nan")})], "no-data", None),
        ([steady(0.3, {3: float("nan")})], "no-data", None),
        ([steady(0.3), steady(float("nan"))], "no-data", None),
        ([steady(float("inf"))], "no-data", None),
        ([steady(float("-inf"))], "no-data", None),
        ([], "no-data", None),
    ],
)
def test_all_values_decide(replicas: list[list[float | None]], verdict: str, worst: float | None) -> None:
    reading = read(*replicas)
    assert (reading.verdict, reading.worst if worst is not None else None) == (verdict, worst), reading.reason


@pytest.mark.parametrize(("value", "verdict"), [(0.3, "ok"), (0.1, "breach"), (0.2, "ok")])
def test_a_lower_bound_is_the_other_way_round(value: float, verdict: str) -> None:
    assert read(steady(value), above=None, below=Decimal("0.2")).verdict == verdict
    assert read(steady(value), steady(0.1), above=None, below=Decimal("0.2")).verdict == "breach"


def test_the_reason_has_the_figures() -> None:
    assert read(steady(0.3)).reason == "psi was above 0.2 for 2m, the worst value is 0.3"
    assert read(steady(0.1)).reason == "psi was never above 0.2 in 2m"
    assert read(steady(0.1, {3: 0.3})).reason == "psi was above 0.2 at 1 of 21 moments in 2m"
    assert read(steady(0.1, {3: None})).reason == "psi has no value at 2026-11-20T11:58:18Z"
    assert read(steady(0.1, {3: float("nan")})).reason == "psi is nan at 2026-11-20T11:58:18Z"


def test_a_sample_outside_of_the_window_is_no_data() -> None:
    made = query(trigger(**{"for": "2m"}))
    assert made is not None
    assert read_value(made, [Series({}, ((made.grid.last + 1.0, 0.1),))]).verdict == "no-data"


def breach_after(values: Sequence[float | None], **fields: Any) -> float:
    """Return the breach of values in an hour, each for 15 seconds."""
    end = NOON - timedelta(hours=1) + timedelta(seconds=15 * (len(values) - 1))
    watched = trigger(**{"for": "2m", **fields})
    metric = Value(kind="value", good="down", query="psi")
    asked = history_query(watched, metric, ARM, NOON - timedelta(hours=1), end, timedelta(hours=1))
    assert asked is not None and asked.promql.startswith("(psi)[") and asked.grid.step == 15
    times = range(asked.grid.first, asked.grid.last + 1, asked.grid.step)
    pairs = zip(times, values, strict=True)
    samples = tuple((float(time), value) for time, value in pairs if value is not None)
    return breached_after(asked, [Series({}, samples)])


@pytest.mark.parametrize("count", [60, 61, 100, 240])
@pytest.mark.parametrize("other", [0.1, None, float("nan"), float("inf")])
def test_a_breach_that_goes_on_keeps_its_time(count: int, other: float | None) -> None:
    """A later time would make it another breach, which a person who closed its rollback has to close again."""
    values: list[float | None] = [0.3] * (count + 1)
    values[20] = other
    assert breach_after(values) == 21 * 15 + 120


def test_a_breach_from_the_start_and_one_of_now() -> None:
    assert breach_after([0.3] * 50) == 120
    assert breach_after([0.1] * 41 + [0.3] * 9) == 41 * 15 + 120
    assert breach_after([0.1] * 50, above=None, below=Decimal("0.2")) == 120
    assert breach_after([0.1] * 49 + [0.3] * 2) == 50 * 15, "never after the last look"
