"""Metrics of the service for Prometheus."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from rollout_spec.service.health import State

_PREFIX = "rollout_spec"
_SECONDS = (0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 30, 60, 300, 900, 3600, 14400)


class _Backlog(Collector):
    """The unfinished breaches, counted in the inbox before each scrape. None if the inbox does not answer."""

    def __init__(self) -> None:
        self.counted: tuple[int, float] | None = None

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the number of unfinished breaches and the age of the oldest, if they are known."""
        if self.counted is None:
            return
        count, age = self.counted
        yield GaugeMetricFamily(f"{_PREFIX}_unfinished_breaches", "Breaches without an answer.", value=count)
        yield GaugeMetricFamily(
            f"{_PREFIX}_oldest_unfinished_breach_seconds", "Age of the oldest breach without an answer.", value=age
        )

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Yield nothing: a registration must not read the inbox."""
        yield from ()


class _Settings(Collector):
    """Whether the settings of each workspace that is served now are the newest ones."""

    def __init__(self, state: State) -> None:
        self._state = state

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield 1 or 0 for each workspace."""
        text = "1 if the settings of the newest commit are in force."
        family = GaugeMetricFamily(f"{_PREFIX}_workspace_settings_current", text, labels=["workspace"])
        for name, workspace in self._state.served.workspaces.items():
            family.add_metric([name], 0 if workspace.error else 1)
        yield family

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Yield nothing: the workspaces change."""
        yield from ()


class Metrics:
    """All metrics of one service."""

    def __init__(self, state: State) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        self._backlog = _Backlog()
        self.registry.register(self._backlog)
        self.registry.register(_Settings(state))
        self.received = self._counter("breaches_received", "Alerts in posts, by result.", "monitor", "result")
        self.rejected = self._counter("rejected_requests", "Rejected posts, by their status.", "monitor", "status")
        self.answers = self._counter("answers", "Answers to breaches, by verdict.", "verdict")
        self.errors = self._counter("failed_tries", "Tries to answer a breach that failed.")
        self.notifications = self._counter("notifications", "Messages to people.", "result")
        self.legs = Histogram(
            f"{_PREFIX}_leg_seconds",
            "Seconds of each leg: alert to received, received to decided, received to pull request, alert to merged.",
            ["leg"],
            registry=self.registry,
            buckets=_SECONDS,
        )
        self.reconciled = self._counter("reconciled_rollouts", "Rollouts in flight in passes, by action.", "action")
        self.passes = Histogram(
            f"{_PREFIX}_pass_seconds",
            "Seconds of a pass: all rollouts in flight of a workspace.",
            registry=self.registry,
            buckets=_SECONDS,
        )
        self.worker_up = Gauge(f"{_PREFIX}_worker_up", "1 if the worker is alive.", registry=self.registry)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"{_PREFIX}_{name}", text, labels, registry=self.registry)

    def count(self, event: Mapping[str, Any]) -> None:
        """Count one event of the worker."""
        if event["kind"] == "failed":
            self.errors.inc()
            return
        if event["kind"] == "notification":
            self.notifications.labels(event["result"]).inc()
            return
        if event["kind"] == "reconcile":
            self.passes.observe(event["seconds"])
            for action, count in event["actions"].items():
                self.reconciled.labels(action).inc(count)
            return
        if event.get("verdict"):
            self.answers.labels(event["verdict"]).inc()
        for leg, seconds in event.get("legs", {}).items():
            self.legs.labels(leg).observe(max(0.0, seconds))

    def text(self, backlog: tuple[int, float] | None) -> bytes:
        """Return all metrics in the text format of Prometheus, with the backlog of the inbox."""
        self._backlog.counted = backlog
        return generate_latest(self.registry)
