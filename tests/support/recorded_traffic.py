"""A real Prometheus with recorded traffic of both versions, one namespace for each way that a candidate behaves."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from real_servers import free_port, program
from stack.programs import answers, running

BEGIN = datetime(2026, 11, 20, 8, 30, tzinfo=UTC)
"""The first sample. The stage of the example begins at 09:01."""
STEP = timedelta(seconds=15)
SPLIT = {"41": 95, "42": 5}
"""Requests per second of each version."""


@dataclass(frozen=True)
class Behavior:
    """The rates of a version. ``begins`` and ``ends`` are minutes after the first sample."""

    requests: int
    errors: float = 0.02
    slow: float = 0.003
    orders: float = 0.1
    begins: int = 31
    ends: int = 100
    restarts: int | None = None


def arms(candidate: Behavior | None = None, stable: Behavior | None = None) -> dict[str, Behavior]:
    """Return the behaviors of both versions."""
    return {"41": stable or Behavior(SPLIT["41"], begins=0), "42": candidate or Behavior(SPLIT["42"])}


SCENARIOS: dict[str, dict[str, Behavior]] = {
    "healthy": arms(),
    "failing": arms(Behavior(5, errors=0.12)),
    "slow": arms(Behavior(5, slow=0.08)),
    "idle": {"41": Behavior(95, begins=0)},
    "lopsided": arms(Behavior(9)),
    "outage": arms(Behavior(5, errors=0.12), Behavior(95, errors=0.12, begins=0)),
    "gone": arms(Behavior(5, ends=50)),
    "restarted": arms(Behavior(5, restarts=40)),
}


def lines(namespace: str, behaviors: Mapping[str, Behavior], begin: datetime) -> Iterator[tuple[str, str]]:
    """Yield the samples of a namespace in the text format of OpenMetrics, each with the name of its metric."""
    for version, behavior in behaviors.items():
        chance = Random(f"{namespace} {version}")
        labels = f'destination_workload="fraud-v{version}-predictor",destination_workload_namespace="{namespace}"'
        labels += ',reporter="destination"'
        good = bad = fast = 0
        for minute in range(behavior.begins * 4, behavior.ends * 4):
            if behavior.restarts is not None and minute == behavior.restarts * 4:
                good = bad = fast = 0
            time = (begin + minute * STEP).timestamp()
            total = behavior.requests * int(STEP.total_seconds())
            failed = sum(chance.random() < behavior.errors for _ in range(total))
            bad, good = bad + failed, good + total - failed
            fast += sum(chance.random() >= behavior.slow for _ in range(total))
            yield "istio_requests", f'istio_requests_total{{{labels},response_code="200"}} {good} {time}'
            if bad:
                yield "istio_requests", f'istio_requests_total{{{labels},response_code="503"}} {bad} {time}'
            name = "istio_request_duration_milliseconds"
            yield name, f'{name}_bucket{{{labels},le="250.0"}} {fast} {time}'
            yield name, f'{name}_bucket{{{labels},le="+Inf"}} {good + bad} {time}'
            yield name, f"{name}_count{{{labels}}} {good + bad} {time}"


@contextmanager
def recorded(folder: Path, begin: datetime = BEGIN, scenarios: Collection[str] = SCENARIOS.keys()) -> Iterator[str]:
    """Start Prometheus with the traffic of scenarios from a time on, and return its address."""
    families: dict[str, list[str]] = {}
    for namespace in scenarios:
        for family, line in lines(namespace, SCENARIOS[namespace], begin):
            families.setdefault(family, []).append(line)
    kinds = {"istio_requests": "counter", "istio_request_duration_milliseconds": "histogram"}
    text = [line for family, each in families.items() for line in (f"# TYPE {family} {kinds[family]}", *each)]
    source, data, config = folder / "traffic.txt", folder / "data", folder / "prometheus.yml"
    source.write_text("\n".join([*text, "# EOF"]) + "\n", "utf-8")
    backfill = [program("promtool"), "tsdb", "create-blocks-from", "openmetrics", source, data]
    subprocess.run(list(map(str, backfill)), check=True, capture_output=True)
    config.write_text(json.dumps({"global": {"scrape_interval": "15s"}}), "utf-8")
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = [program("prometheus"), f"--config.file={config}", f"--storage.tsdb.path={data}"]
    command += [f"--web.listen-address=127.0.0.1:{port}", "--storage.tsdb.retention.time=100y"]
    with running("Prometheus", command, folder / "prometheus.log", lambda: answers(f"{address}/-/ready")):
        yield address
