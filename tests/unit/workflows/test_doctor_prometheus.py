"""What doctor says of Prometheus: whether it answers, agrees on the time, and has samples of the stable versions."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest import mock

import pytest

from rollout_spec.core.errors import OUTSIDE, UserError
from rollout_spec.core.series import Answer, Series
from rollout_spec.integrations.prometheus import PrometheusClient, QueryRefusedError
from rollout_spec.spec.prometheus import Prometheus
from rollout_spec.workflows.doctor.prometheus import prometheus
from rollout_spec.workspace.repository import Repository
from rollout_spec.workspace.working_tree import WorkingTree

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
URL = "http://prometheus:9090"
SAMPLE = (Series({}, ((1.0, 3.0),)),)
ROLLOUT = """\
apiVersion: rollout-spec/v1
kind: ModelRollout
metadata: {name: fraud}
spec:
  service: {host: fraud.ml}
  versions: {"41": {}, "42": {}}
  live: {stable: "41"}
  stages: [{name: full, weight: 100%}]
  triggers:
    - {name: serving-errors, type: threshold, metric: error_rate, above: 5%}
    - {name: slow, type: latency, quantile: 99%, above: 250ms}
    - {name: elsewhere, type: comparison, metric: error_rate, drop: 5%, judgedBy: external}
"""


Query = Callable[[str], Answer]


def told(folder: Path, query: Query, auth: dict[str, object] | None = None) -> list[str]:
    """Return the results for a workspace with one rollout, if Prometheus answers so."""
    (folder / "rollouts").mkdir(exist_ok=True)
    (folder / "rollouts/fraud.yaml").write_text(ROLLOUT, "utf-8")
    settings = Prometheus.model_validate({"url": URL, **({"auth": auth} if auth else {})})
    with mock.patch.object(PrometheusClient, "query", lambda _client, promql, at: query(promql)):
        results = list(prometheus(settings, Repository(WorkingTree(folder)), NOW))
    return [f"{each.verdict}: {each.message}" for each in results]


def full(promql: str) -> Answer:
    return Answer(SAMPLE, date=datetime.now(UTC))


def test_without_prometheus_nothing_is_said(tmp_path: Path) -> None:
    assert list(prometheus(None, Repository(WorkingTree(tmp_path)), NOW)) == []


def test_samples_of_all_counted_triggers_are_fine(tmp_path: Path) -> None:
    queries = list[str]()

    def query(promql: str) -> Answer:
        queries.append(promql)
        return full(promql)

    assert told(tmp_path, query) == [f"ok: {URL} answers, and 3 selectors of stable versions find samples"]
    assert queries[0] == "vector(1)"
    assert queries[1] == 'count(last_over_time(http_requests_total{version="41", rollout="fraud"}[10m]))'
    assert len(queries) == 4, "what another system judges is not asked for"


def test_a_selector_without_samples_is_named(tmp_path: Path) -> None:
    def query(promql: str) -> Answer:
        return Answer(()) if "_bucket" in promql else full(promql)

    (message,) = told(tmp_path, query)
    assert message.startswith("warning: slow of fraud finds no sample of 41 in ten minutes: http_request_duration")


def refusing(promql: str) -> Answer:
    if promql == "vector(1)":
        return full(promql)
    raise QueryRefusedError("Prometheus refused it")


def unreachable(promql: str) -> Answer:
    raise UserError("Prometheus is not reachable", status=OUTSIDE)


def hanging(promql: str) -> Answer:
    return full(promql) if promql == "vector(1)" else unreachable(promql)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (unreachable, ["warning: Prometheus is not reachable"]),
        (hanging, ["warning: Prometheus is not reachable"]),
        (
            refusing,
            [
                "warning: serving-errors of fraud: Prometheus refused it",
                "warning: slow of fraud: Prometheus refused it",
                "warning: slow of fraud: Prometheus refused it",
            ],
        ),
        (
            lambda promql: Answer(SAMPLE, date=datetime.now(UTC) - timedelta(minutes=5, seconds=1)),
            [
                "warning: the clock of Prometheus is 5m1s behind this machine's",
                f"ok: {URL} answers, and 3 selectors of stable versions find samples",
            ],
        ),
    ],
    ids=["unreachable", "hanging", "refusing", "another clock"],
)
def test_no_problem_is_a_failure(tmp_path: Path, query: Query, expected: list[str]) -> None:
    """A rollback needs no Prometheus, and the gate may run on another machine."""
    results = [re.sub(r"5m1s\S*", "5m1s", each) for each in told(tmp_path, query)]
    assert results == expected


def test_a_secret_that_is_elsewhere_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ABSENT", raising=False)
    expected = ["warning: the environment variable ABSENT is not set"]
    assert told(tmp_path, full, {"bearer": {"env": "ABSENT"}}) == expected


def test_a_slow_server_does_not_stop_doctor(tmp_path: Path) -> None:
    moments = iter([0.0, 1.0, 29.0, 31.0])
    with mock.patch("rollout_spec.workflows.doctor.prometheus.time.monotonic", lambda: next(moments)):
        results = told(tmp_path, full)
    assert results == ["warning: it is slow: 1 of 3 selectors were not asked for in time"]
