"""A breach names the rate of its own time, if the rate of all the time hides it."""

from __future__ import annotations

import pytest
from arm_ticks import CANARY, steady

from rollout_spec.domain.judgement.rates import RateBound, judge_rate

BOUND = RateBound(0.05, window=300, alpha=0.05, noun="error_rate")


@pytest.mark.parametrize(
    ("failing", "end"),
    [
        (range(97, 100), "; it was 50% (38 of 75) from 24m15s to 24m30s after the warm-up"),
        (range(3), "; it was 50% (38 of 75) from 0s to 15s after the warm-up"),
        (range(20, 100), "; the bound is 5%"),
    ],
)
def test_a_breach_names_its_time_if_the_whole_rate_is_below_the_bound(failing: range, end: str) -> None:
    ticks = steady(0.01, lambda index: 0.5 if index in failing else 0.01, count=100)
    judgement = judge_rate(ticks, CANARY, BOUND)
    assert judgement.verdict == "breach"
    assert judgement.message.endswith(end), judgement.message
