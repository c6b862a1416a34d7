"""Counts that are read from a real Prometheus are the truth, or the error says why there are none."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from real_prometheus import Past, Pods, prometheus_running
from stack.programs import wait_until

from rollout_spec.core.errors import OUTSIDE, UserError
from rollout_spec.domain.metrics.clock import clock_problem
from rollout_spec.domain.metrics.counts import Arms, CountQuery, count_query
from rollout_spec.domain.metrics.grid import Grid, grid
from rollout_spec.domain.metrics.profiles import PROFILES
from rollout_spec.domain.metrics.selectors import Arm
from rollout_spec.domain.metrics.ticks import Reading, read_counts
from rollout_spec.domain.metrics.values import ValueReading, read_value, value_query
from rollout_spec.domain.statistics.counts import Counts
from rollout_spec.integrations.prometheus import PrometheusClient
from rollout_spec.spec.triggers import Comparison, Latency, Threshold
from rollout_spec.spec.workspace import Metric, Ratio, Value

pytestmark = [pytest.mark.system, pytest.mark.real]

STABLE, CANDIDATE = (Arm("fraud", version, "ml", f"fraud-v{version}") for version in ("41", "42"))
BOTH = Arms(CANDIDATE, STABLE)
ERRORS = Threshold.model_validate({"name": "errors", "type": "threshold", "metric": "error_rate", "above": Decimal(5)})
SLA = Latency.model_validate({"name": "sla", "type": "latency", "quantile": "99%", "above": "250ms"})
CONVERSION = Comparison.model_validate({"name": "c", "type": "comparison", "metric": "conversion", "drop": "5%"})
DRIFT = Threshold.model_validate(
    {"name": "drift", "type": "threshold", "metric": "psi", "above": Decimal("0.2"), "for": "5m"}
)
OWN: dict[str, Metric] = {
    "conversion": Ratio(kind="ratio", good="up", events="orders_total", total="sessions_total"),
    "same": Ratio(kind="ratio", good="up", events="orders_total", total='sessions_total{version=~"4."}'),
}
STEP = 15
MOMENTS = 121
END = int(time.time()) // 3600 * 3600 - 3600
START = END - (MOMENTS - 1) * STEP
MINUTE_GRID = Grid(float(START), START, END, 60)
GRID = Grid(float(START), START, END, STEP)


class Replica:
    """One replica of the past: its requests and failures between scrapes, and its restarts."""

    def __init__(self, dice: random.Random, first: int, last: int) -> None:
        self.first, self.last = first, last
        self.requests = [0] * MOMENTS
        self.failures = [0] * MOMENTS
        self.slow = [0] * MOMENTS
        history = dice.randrange(1000, 2000) if first == 0 else 0
        self.values: dict[str, list[tuple[float, float]]] = {"200": [], "500": [], "fast": [], "count": []}
        good, bad, fast = history, 0, history
        for moment in range(first, last + 1):
            good_more, bad_more, slow = dice.randrange(5, 40), int(dice.random() < 0.3), dice.randrange(3)
            if moment == 0:
                good_more = bad_more = slow = 0
            if moment > first and dice.random() < 0.03 and good > 100 and bad > 1 and fast > 100:
                good = bad = fast = 0
            good, bad = good + good_more, bad + bad_more
            fast += good_more + bad_more - slow
            self.requests[moment], self.failures[moment], self.slow[moment] = good_more + bad_more, bad_more, slow
            at = START + moment * STEP
            self.values["200"].append((at, good))
            if bad:
                self.values["500"].append((at, bad))
            self.values["fast"].append((at, fast))
            self.values["count"].append((at, good + bad))


def replicas(seed: str) -> list[Replica]:
    dice = random.Random(seed)
    lives = [(0, MOMENTS - 1), (0, 60), (0, 99), (30, MOMENTS - 1), (61, MOMENTS - 1), (20, 50)]
    return [Replica(dice, first, last) for first, last in lives]


PODS = {"41": replicas("stable"), "42": replicas("candidate")}


def past() -> Past:
    made = Past()
    times = [START + moment * STEP for moment in range(MOMENTS)]
    for version, pods in PODS.items():
        for number, pod in enumerate(pods):
            labels = {"rollout": "fraud", "version": version, "pod": f"{version}-{number}"}
            for code in ("200", "500"):
                made.add("http_requests_total", {**labels, "code": code}, pod.values[code])
            made.add("http_request_duration_seconds_count", labels, pod.values["count"])
            made.add("http_request_duration_seconds_bucket", {**labels, "le": "0.25"}, pod.values["fast"])
            made.add("http_request_duration_seconds_bucket", {**labels, "le": "+Inf"}, pod.values["count"])
        made.add("sessions_total", {"version": version}, [(time, 50 + 3 * n) for n, time in enumerate(times)])
        made.add("orders_total", {"version": version}, [(time, 9 + n) for n, time in enumerate(times)])
        late = times[80:] if version == "42" else times
        made.add("late_total", {"version": version}, [(time, n) for n, time in enumerate(late)])
        early = times[:60] if version == "42" else times
        made.add("early_total", {"version": version}, [(time, n) for n, time in enumerate(early)])
    made.add("psi_high", {}, [(time, 0.3) for time in times])
    made.add("psi_low", {}, [(time, 0.1) for time in times])
    made.add("psi_mixed", {}, [(time, 0.1 + 0.2 * (n > 110)) for n, time in enumerate(times)])
    made.add("psi_nan", {}, [(time, float("nan") if n == 115 else 0.3) for n, time in enumerate(times)])
    return made


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrometheusClient]:
    folder = tmp_path_factory.mktemp("past")
    options = ["--query.max-samples=200000"]
    with prometheus_running(folder, past(), options=options) as address, PrometheusClient(address) as client:
        yield client


def read(client: PrometheusClient, trigger: Any, on: Grid = GRID, own: dict[str, Metric] | None = None) -> Reading:
    query = count_query(trigger, PROFILES["generic"], own or OWN, BOTH, on)
    return answer(client, query)


def answer(client: PrometheusClient, query: CountQuery) -> Reading:
    found = client.query(query.promql, query.at)
    assert found.warnings == () and clock_problem(found.date, datetime.now(UTC)) is None
    return read_counts(query, found.series)


def truth(version: str, of: Callable[[Replica], list[int]]) -> list[int]:
    return [sum(moments) for moments in zip(*(of(pod) for pod in PODS[version]), strict=True)][1:]


def test_the_ticks_of_an_error_rate_are_the_truth(client: PrometheusClient) -> None:
    reading = read(client, ERRORS)
    assert reading.problem is None and reading.notes == ()
    for version, arm in (("41", "stable"), ("42", "candidate")):
        counts = [getattr(tick, arm) for tick in reading.ticks]
        for found, true in (
            ([each.total for each in counts], truth(version, lambda pod: pod.requests)),
            ([each.events for each in counts], truth(version, lambda pod: pod.failures)),
        ):
            assert sum(found) == pytest.approx(sum(true))
            # A counter of failures is absent between a restart and the next failure, which is spread over that time.
            assert found == pytest.approx(true, abs=1)
    assert [tick.seconds for tick in reading.ticks] == [float(STEP * n) for n in range(1, MOMENTS)]


def test_the_ticks_of_a_latency_are_the_truth(client: PrometheusClient) -> None:
    reading = read(client, SLA)
    assert reading.problem is None
    for version, arm in (("41", "stable"), ("42", "candidate")):
        counts = [getattr(tick, arm) for tick in reading.ticks]
        assert [each.total for each in counts] == truth(version, lambda pod: pod.requests)
        assert sum(each.events for each in counts) == sum(truth(version, lambda pod: pod.slow))


def test_a_coarser_grid_loses_only_the_requests_before_a_restart(client: PrometheusClient) -> None:
    reading = read(client, ERRORS, MINUTE_GRID)
    whole = sum(truth("42", lambda pod: pod.requests))
    counted = sum(tick.candidate.total for tick in reading.ticks)
    assert 0.95 * whole <= counted <= whole


def test_a_later_read_repeats_an_earlier_one(client: PrometheusClient) -> None:
    begin = datetime.fromtimestamp(START, UTC)
    early = grid(begin, begin + timedelta(minutes=10), timedelta(hours=1))
    late = grid(begin, begin + timedelta(minutes=25), timedelta(hours=1))
    assert early is not None and late is not None and early.step == STEP
    first, second = read(client, ERRORS, early), read(client, ERRORS, late)
    assert first.ticks and second.ticks[: len(first.ticks)] == first.ticks


def test_a_ratio_of_a_workspace_is_counted(client: PrometheusClient) -> None:
    reading = read(client, CONVERSION)
    assert {(tick.candidate.events, tick.candidate.total) for tick in reading.ticks} == {(1, 3)}


def test_a_selector_of_both_versions_is_no_data(client: PrometheusClient) -> None:
    both = Ratio(kind="ratio", good="up", events="orders_total", total='sessions_total{version!=""}')
    query = count_query(CONVERSION, PROFILES["generic"], {"conversion": both}, BOTH, GRID)
    problem = answer(client, query).problem
    assert problem is not None and "the same counter was read for both versions" in problem


@pytest.mark.parametrize(
    ("metric", "problem", "note"),
    [
        ("absent_total", "41 has no samples", ""),
        ("early_total", "the samples of 42 end at ", ""),
        ("late_total", None, "the samples of 42 begin at "),
    ],
)
def test_samples_that_do_not_fill_the_window_are_named(
    client: PrometheusClient, metric: str, problem: str | None, note: str
) -> None:
    own: dict[str, Metric] = {"conversion": Ratio(kind="ratio", good="up", events="orders_total", total=metric)}
    reading = read(client, CONVERSION, own=own)
    assert bool(reading.ticks) == (problem is None)
    assert (problem or "") in (reading.problem or "")
    assert note in "".join(reading.notes)
    if problem is None:
        assert len(reading.ticks) == MOMENTS - 1 - 80


def value(client: PrometheusClient, text: str, end: int = END) -> ValueReading:
    times = (datetime.fromtimestamp(each, UTC) for each in (START, end))
    query = value_query(DRIFT, Value(kind="value", good="down", query=text), CANDIDATE, *times)
    assert query is not None
    return read_value(query, client.query(query.promql, query.at).series)


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("psi_high", "breach"),
        ("psi_low", "ok"),
        ("psi_mixed", "inconclusive"),
        ("psi_nan", "no-data"),
        ("psi_absent", "no-data"),
        ("scalar(psi_high)", "breach"),
        ("avg_over_time(psi_low[{{ window }}])", "ok"),
        ("psi_high or psi_low", "breach"),
    ],
)
def test_a_value_is_read_over_the_time_of_a_breach(client: PrometheusClient, text: str, verdict: str) -> None:
    assert value(client, text).verdict == verdict


def test_a_value_after_the_last_sample_is_no_data(client: PrometheusClient) -> None:
    assert value(client, "psi_high", END + 600).verdict == "no-data"


def test_a_refused_query_is_an_error_of_the_outside(client: PrometheusClient) -> None:
    at = datetime.fromtimestamp(END, UTC)
    for promql, reason in (
        ("sum(", 'it answered 400: invalid parameter "query": 1:5: parse error'),
        ("http_requests_total[1h:1s] + 1", "it answered 400"),
        ("sum(http_requests_total[30m:1s])", "it answered 400"),
        ("(http_requests_total)[30m:100ms]", "it answered 422: query processing would load too many samples"),
        ('"text"', "expected a matrix or a vector, not a string"),
    ):
        with pytest.raises(UserError) as caught:
            client.query(promql, at)
        assert reason in caught.value.message and caught.value.status == OUTSIDE


def test_prometheus_that_is_down_is_an_error(tmp_path: Path) -> None:
    with prometheus_running(tmp_path) as address:
        client = PrometheusClient(address)
        assert client.query("vector(1)", datetime.now(UTC)).series[0].samples[0][1] == 1
    with pytest.raises(UserError, match="Connection refused"):
        client.query("vector(1)", datetime.now(UTC))


# Targets that are scraped.


def exposed(version: str, good: int, bad: int | None) -> str:
    labels = f'rollout="fraud",version="{version}"'
    failures = "" if bad is None else f'http_requests_total{{{labels},code="500"}} {bad}\n'
    return f'http_requests_total{{{labels},code="200"}} {good}\n{failures}'


def test_scraped_replicas_that_come_go_and_restart(tmp_path: Path) -> None:
    with Pods() as pods:
        names = ("s", "a", "b")
        pods.texts = {"s": exposed("41", 500, 7), "a": exposed("42", 100, None)}
        with (
            prometheus_running(tmp_path, targets=[pods.target(name) for name in names]) as address,
            PrometheusClient(address) as client,
        ):
            scraped(client, 'http_requests_total{pod="a", code="200"} == 100')
            begin = datetime.now(UTC) + timedelta(seconds=1)
            steps: list[tuple[dict[str, str | None], str]] = [
                ({"s": exposed("41", 540, 9), "a": exposed("42", 130, None)}, 'http_requests_total{pod="a"} == 130'),
                ({"a": exposed("42", 140, 2)}, 'http_requests_total{pod="a", code="500"} == 2'),
                ({"a": exposed("42", 6, 1)}, 'http_requests_total{pod="a", code="500"} == 1'),
                ({"b": exposed("42", 20, None)}, 'http_requests_total{pod="b", code="200"} == 20'),
                ({"b": None}, 'up{pod="b"} == 0'),
                ({"s": exposed("41", 600, 9)}, 'http_requests_total{pod="s", code="200"} == 600'),
            ]
            time.sleep(3)
            for texts, seen in steps:
                for name, text in texts.items():
                    pods.texts.pop(name, None)
                    pods.texts.update({name: text} if text is not None else {})
                scraped(client, seen)
                time.sleep(1.2)
            time.sleep(3)  # what is counted ends at the oldest scrape of a target
            reading = answer(client, both(begin, datetime.now(UTC)))
            assert reading.problem is None, reading.problem
            stable = [tick.stable for tick in reading.ticks]
            assert summed(stable) == pytest.approx((2, 102))
            candidate = [tick.candidate for tick in reading.ticks]
            # 30, then 10 and 2 failures, a restart with 6 and 1, and 20 of a replica that went
            assert summed(candidate) == pytest.approx((3, 69))
            del pods.texts["a"]
            scraped(client, 'up{pod="a"} == 0')
            time.sleep(1.2)
            problem = answer(client, both(begin, datetime.now(UTC))).problem
            assert problem is not None and problem.startswith("the samples of 42 end at ")


def summed(counts: Sequence[Counts]) -> tuple[float, float]:
    return sum(each.events for each in counts), sum(each.total for each in counts)


def both(begin: datetime, end: datetime) -> CountQuery:
    made = grid(begin, end, None)
    assert made is not None and made.step == 1
    return count_query(ERRORS, PROFILES["generic"], OWN, BOTH, made)


def scraped(client: PrometheusClient, promql: str) -> None:
    wait_until(lambda: bool(client.query(promql, datetime.now(UTC)).series), f"Prometheus does not see {promql}")
