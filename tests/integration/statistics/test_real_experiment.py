"""Verdicts on a real randomized experiment, RAND's on health insurance, whose data statsmodels contains.

Families got free care, or paid a part of it. Each row is one person in one year. The data is in the public domain.
"""

from __future__ import annotations

import math
from typing import Any

import pytest
from oracles import oracle

from rollout_spec.domain.statistics import anytime, obrien_fleming
from rollout_spec.domain.statistics.bayes_factor import log_bayes_factor
from rollout_spec.domain.statistics.counts import Counts
from rollout_spec.domain.statistics.proportions import difference, margin_difference

YEARS = 5
"""The most rows of one person. They are alike, so that a row counts as a fifth."""


@pytest.fixture(scope="module")
def rows() -> Any:
    oracle("pandas")
    return oracle("statsmodels.api").datasets.randhie.load_pandas().data


def counts_of(events: Any, rows: Any) -> tuple[Counts, Counts]:
    """Return the counts of those with free care, as stable, and of those who paid."""
    free = rows.lncoins == 0
    return tuple(Counts(int(events[part].sum()), len(events[part])).scaled(1 / YEARS) for part in (free, ~free))  # type: ignore[return-value]


def test_people_who_pay_see_no_doctor_more_often(rows: Any) -> None:
    stable, candidate = counts_of(rows.mdvis == 0, rows)
    assert (stable.rate, candidate.rate) == pytest.approx((0.279, 0.352), abs=0.001)
    found = difference(stable, candidate)
    assert found.value / found.pooled_error > obrien_fleming.bound(0.05, 0.5)
    low, _ = anytime.bounds(found.value, found.pooled_error, stable.total + candidate.total, 0.05, 5000)
    assert low > 0
    share = candidate.total / (candidate.total + stable.total)
    assert log_bayes_factor(candidate.events, stable.events, share) > math.log(20)


def test_their_health_before_is_neither_worse_nor_certainly_as_good(rows: Any) -> None:
    """Randomization made the groups alike. To say so with a margin of 2% takes more people."""
    stable, candidate = counts_of(rows.hlthg, rows)
    assert (stable.rate, candidate.rate) == pytest.approx((0.357, 0.368), abs=0.001)
    found = difference(stable, candidate)
    assert abs(found.value / found.pooled_error) < obrien_fleming.bound(0.05, 1)
    share = candidate.total / (candidate.total + stable.total)
    assert log_bayes_factor(candidate.events, stable.events, share) < math.log(20)
    for factor, is_ok in ((0.98, False), (0.8, True)):
        margin = margin_difference(stable, candidate, factor)
        assert (margin.value / margin.unpooled_error > obrien_fleming.bound(0.05, 1)) is is_ok
