"""What a query gives is told from its text as Prometheus itself tells it."""

from __future__ import annotations

import json
import re
import subprocess
from decimal import Decimal
from pathlib import Path

import pytest

from rollout_spec.domain.metrics import queries as metrics
from rollout_spec.domain.metrics.profiles import PROFILES
from rollout_spec.domain.metrics.promql import Type, type_of
from rollout_spec.domain.metrics.selectors import Arm
from rollout_spec.spec.triggers import Threshold
from rollout_spec.spec.workspace import Value

QUERIES: dict[str, Type] = {
    "psi": "vector",
    'psi{version="42"}': "vector",
    'psi{range="x[5m]", brace="}"}': "vector",
    "sum by (le) (rate(psi[5m]))": "vector",
    "rate(psi[5m:30s])": "vector",
    "last_over_time(psi[5m]) or vector(0)": "vector",
    "scalar(psi) * psi": "vector",
    "time() - psi": "vector",
    "(psi) + (psi)": "vector",
    "psi and on (pod) up": "vector",
    "sum(psi) by (pod)": "vector",
    '{__name__="psi"}': "vector",
    "vector(1)": "vector",
    "scalar(psi)": "scalar",
    "(scalar((psi)))": "scalar",
    "-scalar(psi)": "scalar",
    "0.2": "scalar",
    "1e3": "scalar",
    "1.5e+3": "scalar",
    "0x1F": "scalar",
    "NaN": "scalar",
    "1 atan2 2": "scalar",
    "time() - scalar(psi) > bool 3 * (2 + 1)": "scalar",
    "psi[5m]": "range",
    "psi[5m:1m]": "range",
    'psi{brace="}"}[5m]': "range",
    "psi[5m] offset 1h": "range",
    "psi[5m] @ end()": "range",
    "(psi)[5m:1m]": "range",
    '"0.2"': "string",
}
TAKEN_BY = {"vector": "max({})", "scalar": "vector({})", "range": "last_over_time({})"}
"""What takes a query of each type, and of no other; nothing takes a text."""


@pytest.mark.parametrize(("query", "found"), QUERIES.items())
def test_a_query_gives_what_it_says(query: str, found: Type) -> None:
    assert type_of(query) == found


def test_prometheus_says_the_same(promtool: Path, tmp_path: Path) -> None:
    for found, words in TAKEN_BY.items():
        taken = accepted(promtool, [words.format(query) for query in QUERIES], tmp_path / found)
        assert dict(zip(QUERIES, taken, strict=True)) == {query: kind == found for query, kind in QUERIES.items()}


def test_a_bound_on_one_number_can_be_rendered(promtool: Path, tmp_path: Path) -> None:
    trigger = Threshold.model_validate({"name": "drift", "type": "threshold", "metric": "psi", "above": Decimal("0.2")})
    arm = Arm("fraud", "42", "ml", "fraud-v42")
    alerts = {}
    for query in (query for query, found in QUERIES.items() if found in ("vector", "scalar")):
        own = {"psi": Value(kind="value", good="down", query=query)}
        alerts[query] = metrics.threshold(trigger, PROFILES["istio"], own, arm).breach
    refused = zip(alerts, accepted(promtool, list(alerts.values()), tmp_path / "rules"), strict=True)
    assert [query for query, fine in refused if not fine] == []


@pytest.mark.parametrize(
    "query",
    [
        "(" * 100_000,
        "[" * 100_000,
        "((((" * 30 + "1" + "))))" * 30,
        ")" * 1000,
        "1" * 100_000 + "x",
        "x" + '"' + '\\"' * 100_000,
        "",
        "@",
    ],
)
def test_what_is_no_query_is_left_to_prometheus(query: str) -> None:
    assert type_of(query) == "vector"


def accepted(promtool: Path, expressions: list[str], file: Path) -> list[bool]:
    """Say which of some expressions Prometheus takes."""
    rules = [{"alert": "A", "expr": expression, "labels": {"at": str(at)}} for at, expression in enumerate(expressions)]
    file.write_text(json.dumps({"groups": [{"name": "all", "rules": rules}]}))
    run = subprocess.run([promtool, "check", "rules", file], capture_output=True, text=True, timeout=60, check=False)
    refused = {int(number) for number in re.findall(r"rule (\d+)", run.stdout + run.stderr)}
    assert bool(refused) == bool(run.returncode), run.stdout + run.stderr
    return [at not in refused for at in range(1, len(expressions) + 1)]
