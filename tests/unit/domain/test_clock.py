"""Clocks that differ are a problem, because the newest moments would hold no new samples."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from rollout_spec.domain.metrics.clock import clock_problem

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.mark.parametrize("seconds", [-30, -1, 0, 30])
def test_clocks_may_differ_a_little(seconds: int) -> None:
    assert clock_problem(NOON + timedelta(seconds=seconds), NOON) is None


def test_no_time_is_no_problem() -> None:
    assert clock_problem(None, NOON) is None


def test_clocks_that_differ_are_a_problem() -> None:
    late, early = NOON - timedelta(seconds=90), NOON + timedelta(seconds=31)
    assert clock_problem(late, NOON) == "the clock of Prometheus is 1m30s behind this machine's"
    assert clock_problem(early, NOON) == "the clock of Prometheus is 31s ahead of this machine's"
