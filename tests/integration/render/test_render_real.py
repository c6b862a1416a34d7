"""The goldens of ``cases/render`` before a real API server and a real Prometheus: they are accepted, and alerts fire.

Metrics are written here as the stacks' own documentation shows them, and not taken from ``domain.metrics.queries``.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import folders
import pytest
import yaml
from real_servers import CrdServer

from rollout_spec.core.units import LONGEST_DURATION
from rollout_spec.render.renderer import render
from rollout_spec.workspace.repository import Repository
from rollout_spec.workspace.tree import Overlay
from rollout_spec.workspace.working_tree import WorkingTree

pytestmark = pytest.mark.system

CASES = folders.CASES / "render"
RULES = sorted(CASES.glob("*/expected/alerts/*.yaml"))
NO_OBJECTS = ("envoy.yaml", "kustomization.yaml")
MANIFESTS = sorted(file for file in CASES.glob("*/expected/*.yaml") if file.name not in NO_OBJECTS)


def test_a_cluster_accepts_what_is_rendered(crd_server: CrdServer) -> None:
    files: dict[str, Path] = {}
    for file in MANIFESTS:
        for manifest in yaml.load_all(file.read_bytes(), yaml.CSafeLoader):
            files.setdefault(json.dumps(manifest), file)  # many cases render the same
    answers = {text: crd_server.dry_run(json.loads(text)) for text in files}
    assert {files[text]: answer for text, answer in answers.items() if answer != (201, "")} == {}
    assert {json.loads(text)["kind"] for text in files} == {
        *("InferenceService", "HTTPRoute", "PrometheusRule", "AlertmanagerConfig"),
    }


def test_prometheus_accepts_what_is_rendered(promtool: Path) -> None:
    told = run(promtool, "check", "rules", *RULES)
    assert told.count("SUCCESS") == len(RULES), told
    assert "duplicate" not in told


def test_prometheus_accepts_the_longest_duration(promtool: Path, tmp_path: Path) -> None:
    days = LONGEST_DURATION.days
    text = rules_of("istio").replace("[5m]", f"[{days}d]").replace('for: "3m"', f'for: "{days}d"')
    (tmp_path / "longest.yaml").write_text(text)
    assert "SUCCESS" in run(promtool, "check", "rules", tmp_path / "longest.yaml")
    (tmp_path / "longer.yaml").write_text(text.replace(f"{days}d", f"{days + 1}d"))
    assert "out of range" in run(promtool, "check", "rules", tmp_path / "longer.yaml", status=1)


def run(*command: str | Path, status: int = 0) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    told = done.stdout + done.stderr
    assert done.returncode == status, told
    return told


# Alerts. Each scenario is a quarter of an hour of series, and the alerts that are there at its end.

SPEC = """\
apiVersion: rollout-spec/v1
kind: ModelRollout
metadata: {{name: churn, namespace: ml}}
spec:
  service: {{host: churn.example.com, metrics: {profile}}}
  versions:
    "7": {{artifact: s3://models/churn/7/}}
    "8": {{artifact: s3://models/churn/8/}}
  live: {{stable: "7", candidate: "8", stage: canary}}
  stages:
    - {{name: canary, weight: 5%}}
    - {{name: full, weight: 100%}}
  triggers:
    - {{name: errors, type: threshold, metric: error_rate, above: 5%}}
    - {{name: outage, type: threshold, metric: error_rate, above: 50%, for: 3m}}
    - {{name: slow, type: latency, quantile: 99%, above: 250ms, severity: soft}}
    - {{name: stuck, type: latency, quantile: 90%, above: 1s}}
    - {{name: slower-than-a-bucket, type: latency, quantile: 75%, above: 300ms}}
    - {{name: conversion, type: threshold, metric: conversion_rate, below: 2.5%}}
    - {{name: drift, type: threshold, metric: psi, above: 0.2}}
    - {{name: constant, type: threshold, metric: psi, below: 0.001}}
  rollback: {{runbook: "https://runbooks.example.com/churn"}}
  targets:
    - {{type: prometheus}}
"""
BOUNDS = {
    "errors": "error_rate above 5%",
    "outage": "error_rate above 50%",
    "slow": "latency of the 99% quantile above 250ms",
    "stuck": "latency of the 90% quantile above 1s",
    "slower-than-a-bucket": "latency of the 75% quantile above 300ms",
    "conversion": "conversion_rate below 2.5%",
    "drift": "psi above 0.2",
    "constant": "psi below 0.001",
}


@dataclass(frozen=True)
class Stack:
    """How a stack counts requests. ``ours`` are the labels of the candidate, ``others`` labels that are not its."""

    requests: str
    code: str
    latency: str
    per_second: int
    ours: Mapping[str, str]
    others: Sequence[Mapping[str, str]]


STACKS = {
    "istio": Stack(
        "istio_requests_total",
        "response_code",
        "istio_request_duration_milliseconds",
        1000,
        {"reporter": "destination", "destination_workload": "churn-v8", "destination_workload_namespace": "ml"},
        [{"destination_workload": "churn-v7"}, {"destination_workload_namespace": "dev"}, {"reporter": "source"}],
    ),
    "envoy": Stack(
        "envoy_cluster_upstream_rq",
        "envoy_response_code",
        "envoy_cluster_upstream_rq_time",
        1000,
        {"envoy_cluster_name": "churn-v8"},
        [{"envoy_cluster_name": "churn-v7"}, {"envoy_cluster_name": "churn-v88"}],
    ),
    "nginx": Stack(
        "nginx_ingress_controller_requests",
        "status",
        "nginx_ingress_controller_request_duration_seconds",
        1,
        {"service": "churn-v8", "exported_namespace": "ml", "ingress": "churn"},
        [{"service": "churn-v7"}, {"exported_namespace": "dev"}],
    ),
    "generic": Stack(
        "http_requests_total",
        "code",
        "http_request_duration_seconds",
        1,
        {"rollout": "churn", "version": "8"},
        [{"version": "7"}, {"rollout": "fraud"}],
    ),
}


@dataclass(frozen=True)
class Scenario:
    """Series in the notation of promtool, and the value of each alert that fires ``at`` a minute."""

    series: Mapping[str, str]
    fires: Mapping[str, float] = field(default_factory=dict)
    at: int = 15


def counter(name: str, labels: Mapping[str, str], per_minute: int) -> dict[str, str]:
    return {_select(name, labels): f"0+{per_minute}x15"}


def _select(name: str, labels: Mapping[str, str]) -> str:
    return name + "{" + ", ".join(f'{label}="{value}"' for label, value in labels.items()) + "}"


def answers(stack: Stack, other: Mapping[str, str] | None = None, /, **per_minute: int) -> dict[str, str]:
    """Requests by status, on two replicas: ``_200=90, _503=10`` each minute and replica."""
    found: dict[str, str] = {}
    for code, count in per_minute.items():
        for pod in ("a", "b"):
            labels = {**stack.ours, **(other or {}), stack.code: code[1:], "pod": pod}
            found |= counter(stack.requests, labels, count)
    return found


def times(
    stack: Stack, seconds: Mapping[float, int], other: Mapping[str, str] | None = None, *, normal: bool = False
) -> dict[str, str]:
    """Requests by the bucket that they end in, each minute; ``normal``: boundaries as Prometheus 3 writes them."""
    found: dict[str, str] = {}
    labels, total = {**stack.ours, **(other or {})}, 0
    for edge in (0.1, 0.25, 0.5, 1, 2.5, float("inf")):
        total += seconds.get(edge, 0)
        boundary = f"{edge * stack.per_second:g}".replace("inf", "+Inf")
        boundary += ".0" if normal and boundary.isdigit() else ""
        found |= counter(f"{stack.latency}_bucket", {**labels, "le": boundary}, total)
    return {**found, **counter(f"{stack.latency}_count", labels, total)}


def psi(*values: str, **labels: str) -> dict[str, str]:
    return {_select("model_psi", {"model": "churn", "version": "8", **labels}): " ".join(values)}


def sales(stack: Stack, orders: int | None, sessions: int) -> dict[str, str]:
    """What the Workspace's own counters say; ``None``: there was never an order."""
    version = {name: value for name, value in stack.ours.items() if value in ("churn-v8", "8")}
    sold = {} if orders is None else counter("shop_orders_total", {"shop": "main", **version}, orders)
    return sold | counter("shop_sessions_total", version, sessions)


def error_scenarios(stack: Stack) -> Iterator[tuple[str, Scenario]]:
    yield "many errors", Scenario(answers(stack, _200=180, _503=60), {"errors": 0.25})
    yield "an outage", Scenario(answers(stack, _500=240), {"errors": 1.0, "outage": 1.0}, at=4)
    yield "an outage that has not lasted", Scenario(answers(stack, _500=240), {"errors": 1.0}, at=3)
    yield "few errors", Scenario(answers(stack, _200=1200, _503=60))
    yield "as many errors as may be", Scenario(answers(stack, _200=1140, _503=60))
    yield "no errors", Scenario(answers(stack, _200=100, _503=0))
    yield "no error that was ever seen", Scenario(answers(stack, _200=100))
    yield "errors of the callers", Scenario(answers(stack, _200=1, _404=99))
    yield "too few requests", Scenario(answers(stack, _200=1, _503=28))
    yield "just enough requests", Scenario(answers(stack, _503=32), {"errors": 1.0, "outage": 1.0})
    yield "no traffic", Scenario(answers(stack, _200=0, _503=0))
    yield "no series", Scenario({})
    for other in stack.others:
        yield f"errors of {other}", Scenario(answers(stack, _200=100) | answers(stack, other, _503=100))


def latency_scenarios(stack: Stack) -> Iterator[tuple[str, Scenario]]:
    for normal in (False, True):
        words = "with the boundaries of Prometheus 3" if normal else "with those of the exporter"
        slow = {0.25: 96, 0.5: 32}
        yield f"slow, {words}", Scenario(times(stack, slow, normal=normal), {"slow": 0.25})
        stuck = {"slow": 1.0, "stuck": 1.0, "slower-than-a-bucket": 2.125 * stack.per_second}
        yield f"stuck, {words}", Scenario(times(stack, {2.5: 128}, normal=normal), stuck)
        endless = {"slow": 1.0, "stuck": 1.0, "slower-than-a-bucket": 2.5 * stack.per_second}
        yield f"endless, {words}", Scenario(times(stack, {float("inf"): 128}, normal=normal), endless)
    slower = {"slow": 1.0, "slower-than-a-bucket": 0.4375 * stack.per_second}
    yield "slower than between buckets", Scenario(times(stack, {0.5: 128}), slower)
    yield "not slower than between buckets", Scenario(times(stack, {0.25: 1140, 0.5: 360}), {"slow": 1 - 19 / 25})
    yield "fast", Scenario(times(stack, {0.1: 50, 0.25: 50}))
    yield "as slow as may be", Scenario(times(stack, {0.25: 99, 0.5: 1}))
    yield "too few requests", Scenario(times(stack, {2.5: 59}))
    yield "no traffic", Scenario(times(stack, {}))
    for other in stack.others:
        yield f"slow answers of {other}", Scenario(times(stack, {0.1: 100}) | times(stack, {2.5: 100}, other))


def metric_scenarios(stack: Stack) -> Iterator[tuple[str, Scenario]]:
    yield "few sales", Scenario(sales(stack, 2, 128), {"conversion": 0.015625})
    yield "no sale that was ever seen", Scenario(sales(stack, None, 128), {"conversion": 0.0})
    yield "sales", Scenario(sales(stack, 5, 100))
    yield "too few sessions", Scenario(sales(stack, 0, 59))
    yield "no sessions", Scenario(sales(stack, 0, 0))
    yield "orders without sessions", Scenario(counter("shop_orders_total", {"shop": "main", **stack.ours}, 100))
    yield "drift", Scenario(psi("0.5x15"), {"drift": 0.5})
    yield "drift of one of two replicas", Scenario(psi("0.1x15", pod="a") | psi("0.5x15", pod="b"), {"drift": 0.5})
    yield "silence of one of two replicas", Scenario(psi("0.1x15", pod="a") | psi("0x15", pod="b"), {"constant": 0.0})
    yield "no drift", Scenario(psi("0.2x15"))
    yield "drift that is no number", Scenario(psi(*["NaN"] * 15))
    yield "drift that is no number any more", Scenario(psi("0.5x9", *["NaN"] * 5))
    yield "drift that ended", Scenario(psi("0.5x9", "stale"))
    yield "drift of another version", Scenario(psi("0.5x15", version="7"))


def rules_of(profile: str) -> str:
    """Render the rules of the rollout above."""
    tree = Overlay(WorkingTree(CASES / "_base"), {"rollouts/churn.yaml": SPEC.format(profile=profile).encode()})
    repository = Repository(tree)
    file = repository.rollout("churn")
    assert file and file.model, file
    (manifest,) = render(file.model, repository)
    return manifest.text


def unit_test(name: str, scenario: Scenario) -> dict[str, Any]:
    alerts = [alert(trigger, value) for trigger, value in scenario.fires.items()]
    series = [{"series": series, "values": values} for series, values in scenario.series.items()]
    expected = {"eval_time": f"{scenario.at}m", "alertname": "RolloutBreach", "exp_alerts": alerts}
    return {"name": name, "interval": "1m", "input_series": series, "alert_rule_test": [expected]}


def alert(trigger: str, value: float) -> dict[str, Any]:
    """All labels and annotations of an alert; promtool adds its name, and compares the rest."""
    severity = "soft" if trigger == "slow" else "hard"
    names = {"workspace": "acme", "rollout": "churn", "version": "8", "namespace": "ml"}
    return {
        "exp_labels": {**names, "trigger": trigger, "severity": severity},
        "exp_annotations": {
            "summary": f"churn 8: {BOUNDS[trigger]}",
            "description": f"Trigger {trigger} ({severity}) of rollout churn, version 8, at canary.",
            "value": f"{value:.16g}",
            "runbook_url": "https://runbooks.example.com/churn",
        },
    }


def judged(promtool: Path, folder: Path, profile: str, tests: Sequence[Mapping[str, Any]], status: int = 0) -> str:
    (folder / "rules.yaml").write_text(rules_of(profile), encoding="utf-8")
    suite = {"rule_files": ["rules.yaml"], "evaluation_interval": "1m", "tests": tests}
    (folder / "tests.yaml").write_text(yaml.safe_dump(suite, sort_keys=False), encoding="utf-8")
    return run(promtool, "test", "rules", folder / "tests.yaml", status=status)


@pytest.mark.parametrize("scenarios", [error_scenarios, latency_scenarios, metric_scenarios])
@pytest.mark.parametrize("profile", STACKS)
def test_alerts_fire_where_they_should_and_nowhere_else(
    promtool: Path, tmp_path: Path, profile: str, scenarios: Any
) -> None:
    tests = [unit_test(name, scenario) for name, scenario in scenarios(STACKS[profile])]
    assert "SUCCESS" in judged(promtool, tmp_path, profile, tests)


@pytest.mark.parametrize(
    "expected",
    [{}, {"errors": 0.5}, {"outage": 0.25}, {"errors": 0.25, "outage": 0.25}],
    ids=lambda each: "+".join(each),
)
def test_promtool_sees_an_alert_that_is_not_expected(
    promtool: Path, tmp_path: Path, expected: dict[str, float]
) -> None:
    wrong = Scenario(answers(STACKS["istio"], _200=96, _503=32), expected)
    assert "FAILED" in judged(promtool, tmp_path, "istio", [unit_test("wrong", wrong)], status=1)


def test_braces_reach_prometheus_in_one_place_alone() -> None:
    for file in RULES:
        text = file.read_text("utf-8")
        assert set(re.findall(r"^ *(.*\{\{.*)$", text, re.MULTILINE)) <= {'value: "{{ $value }}"'}
