"""Answers of Prometheus that are kept between passes: of one server, and within bounds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from unittest import mock

import pytest

from rollout_spec.core.series import Answer, Series
from rollout_spec.integrations.prometheus import PrometheusClient
from rollout_spec.spec.prometheus import Prometheus
from rollout_spec.workflows.prometheus import KeptAnswers, connect

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
LONG_AGO = NOW - timedelta(hours=1)


def series(count: int) -> tuple[Series, ...]:
    return (Series({}, tuple((float(time), 1.0) for time in range(count))),)


def asked(kept: KeptAnswers, url: str, answer: tuple[Series, ...]) -> bool:
    """Return whether a pass asks the server at a URL, which answers so."""
    source = connect(Prometheus(url=url), NOW, kept)
    with mock.patch.object(PrometheusClient, "query", lambda *_: Answer(answer)):
        assert source.query("up", LONG_AGO) == answer
    return source.queries == 1


def test_a_settled_answer_is_asked_for_once() -> None:
    kept = KeptAnswers()
    assert [asked(kept, "http://one", series(3)) for _ in range(2)] == [True, False]


def test_another_server_is_asked_again() -> None:
    kept = KeptAnswers()
    assert asked(kept, "http://one", series(3))
    assert asked(kept, "http://two", series(4))


def test_an_answer_without_series_is_asked_for_again() -> None:
    kept = KeptAnswers()
    assert [asked(kept, "http://one", ()), asked(kept, "http://one", series(3))] == [True, True]


def test_the_oldest_answers_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rollout_spec.workflows.prometheus._MOST_KEPT", 100)
    kept = KeptAnswers()
    for number in range(1000):
        kept.keep(f"query {number}", LONG_AGO, NOW, series(number % 41))
        assert kept.samples == sum(len(each.samples) for _, answer in kept.by_query.values() for each in answer) <= 100
    assert ("query 999", LONG_AGO) in kept.by_query
    kept.keep("too large", LONG_AGO, NOW, series(101))
    assert ("query 999", LONG_AGO) in kept.by_query and ("too large", LONG_AGO) not in kept.by_query
