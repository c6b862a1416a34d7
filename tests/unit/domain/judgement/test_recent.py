"""An ``ok`` holds only while the newest counts agree with it: a candidate that fails now is not moved forward."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from arm_ticks import HALF, during, steady

from rollout_spec.domain.judgement.comparisons import judge_comparison
from rollout_spec.domain.judgement.moments import Plan
from rollout_spec.domain.judgement.recent import recent_loss
from rollout_spec.domain.statistics.counts import Counts, Tick

CONVERSION = Plan("conversion_rate", drop=0.05, alpha=0.05, good="up", horizon=900)
WITHOUT_HOLD = replace(CONVERSION, horizon=None)


@pytest.mark.parametrize("plan", [CONVERSION, WITHOUT_HOLD])
@pytest.mark.parametrize("rate", [0.05, 0.0])
@pytest.mark.parametrize(("count", "first"), [(240, 70), (240, 236), (500, 480)])
def test_a_candidate_that_is_worse_now_is_not_ok(plan: Plan, rate: float, count: int, first: int) -> None:
    late = during(range(first, count), rate, 0.1)
    ticks = steady(0.1, late, arms=HALF, count=count, requests=6000)
    assert judge_comparison(ticks[:first], HALF, plan, is_failure=False).verdict == "ok"
    judgement = judge_comparison(ticks, HALF, plan, is_failure=False)
    assert judgement.verdict != "ok", "it fails now"
    if plan.horizon is not None:
        assert judgement.verdict == "inconclusive", "the test is over, so it starts no rollback"
        assert "; in the last " in judgement.message


def test_the_message_has_the_counts_of_that_time() -> None:
    ticks = steady(0.1, during(range(60, 120), 0.05, 0.1), arms=HALF, count=120)
    message = judge_comparison(ticks, HALF, CONVERSION, is_failure=False).message
    assert message.endswith("; in the last 15m it was 5% (2,250 of 45,000), and of stable 10% (4,500 of 45,000)")


def test_it_is_ok_again_after_it_recovered() -> None:
    ticks = steady(0.1, during(range(70, 74), 0.05, 0.1), arms=HALF, count=400)
    assert judge_comparison(ticks, HALF, CONVERSION, is_failure=False).verdict == "ok"


def test_a_candidate_within_the_margin_stays_ok() -> None:
    """It is worse than stable for sure, but by less than is accepted."""
    ticks = steady(0.1, 0.098, arms=HALF, count=400, requests=60_000)
    assert recent_loss(ticks, CONVERSION, 1.0) is None


def test_a_wrong_split_after_the_hold_is_invalid() -> None:
    ticks = steady(0.1, 0.1, arms=HALF, count=120)
    ejected = [replace(tick, candidate=tick.candidate.scaled(0.1)) for tick in ticks[60:]]
    judgement = judge_comparison([*ticks[:60], *ejected], HALF, CONVERSION, is_failure=False)
    assert judgement.verdict == "invalid"
    assert judgement.message.startswith("since the test ended, 42 received 9.09% of the requests")


def test_few_events_hold_no_healthy_candidate_back() -> None:
    ticks = [Tick(15.0 * (index + 1), Counts(1, 10), Counts(0, 10)) for index in range(5)]
    assert recent_loss(ticks, CONVERSION, 1.0) is None
    assert recent_loss([Tick(15.0, Counts(5, 50), Counts(0, 0))], CONVERSION, 1.0) is None


@pytest.mark.parametrize("share", [0.05, 0.5])
def test_a_candidate_at_the_margin_is_rarely_held_back(share: float) -> None:
    chance, held, runs = Random(7), 0, 400
    for _ in range(runs):
        ticks = []
        for index in range(60):
            own, other = round(400 * share), round(400 * (1 - share))
            events = sum(chance.random() < 0.095 for _ in range(own))
            ticks.append(Tick(15.0 * (index + 1), Counts(0.1 * other, other), Counts(events, own)))
        held += recent_loss(ticks, CONVERSION, 1.0) is not None
    assert held / runs < 0.03
