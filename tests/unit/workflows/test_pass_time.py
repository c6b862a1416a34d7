"""A pass asks a slow Prometheus for a bounded time. Rollouts that got no turn are judged first in the next one."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from unittest import mock

import pytest

from rollout_spec.core.errors import OUTSIDE, UserError
from rollout_spec.core.series import Answer
from rollout_spec.integrations.prometheus import SECONDS
from rollout_spec.workflows.pass_turns import PassTurns
from rollout_spec.workflows.prometheus import PASS_SECONDS, PrometheusSource, connect

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
NAMES = [f"rollout-{number:02}" for number in range(50)]


@dataclass
class SlowClient:
    """A Prometheus that takes 25 seconds for each query, or longer than any query may take for some."""

    clock: list[float]
    hangs: set[str] = field(default_factory=set)

    def query(self, promql: str, at: datetime, within: float) -> Answer:
        seconds = 40.0 if promql in self.hangs else 25.0
        self.clock[0] += min(seconds, within, SECONDS)
        if seconds > min(within, SECONDS):
            raise UserError("no whole answer", status=OUTSIDE)
        return Answer((), (), None)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def one_pass(client: Any, turns: PassTurns, clock: list[float]) -> list[str]:
    """Ask two queries for each rollout, and return the rollouts that got both answers."""
    source, answered = PrometheusSource(client, NOW, ends=clock[0] + PASS_SECONDS), []
    for name in turns.of(NAMES):
        had_failed = source.failure is not None
        answers = [source.query(name, NOW) for _ in range(2)]
        turns.note(name, source, had_failed=had_failed)
        answered += [name] if not any(isinstance(answer, str) for answer in answers) else []
    return answered


def test_a_pass_is_bounded_and_each_rollout_gets_its_turn(clock: list[float]) -> None:
    client, turns, answered = SlowClient(clock), PassTurns(), list[str]()
    for _ in range(17):
        began = clock[0]
        answered += one_pass(client, turns, clock)
        assert clock[0] - began <= PASS_SECONDS
    assert set(answered) == set(NAMES), "three of fifty in each pass"


def test_a_query_that_never_ends_keeps_no_other_rollout_waiting(clock: list[float]) -> None:
    client, turns = SlowClient(clock, hangs={NAMES[0]}), PassTurns()
    answered = [one_pass(client, turns, clock) for _ in range(18)]
    assert answered[0] == [], "after an error nothing else is asked"
    assert set().union(*answered) == set(NAMES[1:])


def test_the_reason_names_the_time(clock: list[float]) -> None:
    source = PrometheusSource(SlowClient(clock), NOW, ends=clock[0])  # type: ignore[arg-type]
    reason = "Prometheus was not asked: the pass had no time left, after 0 queries; see why Prometheus is slow"
    assert source.query("up", NOW) == reason
    assert source.failure is not None and source.failure.status == OUTSIDE


def test_the_time_of_a_pass_begins_with_its_connection(clock: list[float]) -> None:
    settings = mock.Mock(url="http://127.0.0.1:9", auth=None)
    source = connect(settings, NOW)
    assert isinstance(source, PrometheusSource) and source.ends == clock[0] + PASS_SECONDS


def test_names_that_are_gone_or_new_have_a_place() -> None:
    turns = PassTurns(first=["c", "gone"], last=["a"])
    assert turns.of(["a", "b", "c"]) == ["c", "b", "a"]
    assert turns.of(["a", "b", "c"]) == ["a", "b", "c"]
