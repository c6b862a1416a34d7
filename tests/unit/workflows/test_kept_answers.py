"""Answers that one pass keeps for the next: of Prometheus and of a forge."""

from __future__ import annotations

import math
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock

import pytest

from rollout_spec.core.errors import OUTSIDE, UserError
from rollout_spec.core.series import Answer, Series
from rollout_spec.workflows import merge_times
from rollout_spec.workflows.merge_times import KeptMergeTimes, MergeTimes
from rollout_spec.workflows.prometheus import KeptAnswers, PrometheusSource

NOW = datetime.now(UTC).replace(microsecond=0)
LONG_AGO = NOW - timedelta(minutes=30)
WHOLE = (Series({"version": "42"}, ((1.0, 5.0), (2.0, 7.0))),)


class Client:
    """A Prometheus with one answer, which counts the queries."""

    def __init__(self, *series: Series) -> None:
        self.answer = Answer(series, (), None)
        self.asked = 0

    def query(self, promql: str, at: datetime, within: float) -> Answer:
        self.asked += 1
        return self.answer


def ask(client: Any, kept: KeptAnswers, now: datetime = NOW, at: datetime = LONG_AGO) -> object:
    return PrometheusSource(client, now, kept).query("up", at)


def test_a_whole_answer_about_a_time_long_over_is_kept() -> None:
    client, kept = Client(*WHOLE), KeptAnswers()
    assert [ask(client, kept) for _ in range(3)] == [WHOLE] * 3
    assert client.asked == 1


@pytest.mark.parametrize("series", [(), (Series({}, ((1.0, math.nan),)),), (Series({}, ((1.0, math.inf),)),)])
def test_an_answer_of_a_prometheus_that_lost_samples_is_not_kept(series: tuple[Series, ...]) -> None:
    client, kept = Client(*series), KeptAnswers()
    ask(client, kept)
    client.answer = Answer(WHOLE, (), None)
    assert ask(client, kept) == WHOLE


def test_a_kept_answer_is_asked_for_again_after_a_while() -> None:
    client, kept = Client(*WHOLE), KeptAnswers()
    ask(client, kept)
    ask(client, kept, NOW + timedelta(minutes=9))
    assert client.asked == 1
    ask(client, kept, NOW + timedelta(minutes=10))
    ask(client, kept, NOW + timedelta(minutes=11))
    assert client.asked == 2


def test_a_recent_time_is_asked_about_each_time() -> None:
    client, kept = Client(*WHOLE), KeptAnswers()
    for _ in range(2):
        ask(client, kept, at=NOW - timedelta(minutes=9))
    assert client.asked == 2


class Forge:
    """A forge that knows the merge of one commit, or fails."""

    def __init__(self, error: UserError | None = None) -> None:
        self.error = error
        self.asked: list[str] = []

    def merged_at(self, commit: str, base: str) -> datetime | None:
        self.asked.append(commit)
        if self.error is not None:
            raise self.error
        return NOW if commit == "merged" else None


@pytest.fixture
def connected(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that lets a forge be connected, and returns the merge times of a base with it."""

    def make(forge: Forge, kept: KeptMergeTimes, told: list[str]) -> MergeTimes:
        monkeypatch.setattr(merge_times, "forge_of", lambda base, settings: forge)
        remote = mock.Mock()
        remote.name = "origin"
        return MergeTimes(mock.Mock(remote=remote, branch="main"), mock.Mock(remote="origin"), told.append, kept)

    return make


def test_the_forge_is_asked_once_for_each_commit(connected: Any) -> None:
    forge, kept = Forge(), KeptMergeTimes()
    for _ in range(3):
        times = connected(forge, kept, [])
        assert (times.of("merged"), times.of("pushed")) == (NOW, None)
    assert forge.asked == ["merged", "pushed"]


def test_a_commit_without_a_pull_request_is_asked_about_again(connected: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    forge, kept = Forge(), KeptMergeTimes()
    connected(forge, kept, []).of("pushed")
    later = time.monotonic() + 601
    monkeypatch.setattr(time, "monotonic", lambda: later)
    connected(forge, kept, []).of("pushed")
    assert forge.asked == ["pushed", "pushed"]


def test_a_forge_that_does_not_answer_is_waited_for_once(connected: Any) -> None:
    told: list[str] = []
    forge, kept = Forge(UserError("no answer within 30 seconds", status=OUTSIDE)), KeptMergeTimes()
    times = connected(forge, kept, told)
    assert [times.of(commit) for commit in ("a1", "b2", "c3")] == [None] * 3
    assert (len(forge.asked), len(told)) == (1, 1)
    forge.error = None
    assert connected(forge, kept, told).of("merged") == NOW, "the next pass asks again"
