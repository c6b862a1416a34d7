"""Counts add up, and hold no number that is none."""

from __future__ import annotations

import math

import pytest

from rollout_spec.domain.statistics.counts import Counts


def test_counts_add_up_and_scale() -> None:
    counts = Counts(2, 100) + Counts(6, 100)
    assert counts == Counts(8, 200)
    assert counts.rate == 0.04
    assert counts.complement == Counts(192, 200)
    assert counts.scaled(0.5) == Counts(4, 100)
    assert counts.scaled(0.5).rate == counts.rate


def test_the_rate_without_traffic_compares_as_false() -> None:
    rate = Counts(0, 0).rate
    assert math.isnan(rate)
    assert not rate > 0
    assert not rate <= 0


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, -1.0])
def test_only_finite_numbers_count(number: float) -> None:
    with pytest.raises(ValueError, match=f"^events must be a finite number of at least 0, not {number}$"):
        Counts(number, 10)
    with pytest.raises(ValueError, match=f"^total must be a finite number of at least 0, not {number}$"):
        Counts(1, number)


def test_more_events_than_requests_have_no_complement() -> None:
    assert Counts(3, 2).rate == 1.5
    with pytest.raises(ValueError, match="events must be a finite number"):
        _ = Counts(3, 2).complement
