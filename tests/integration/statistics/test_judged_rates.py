"""Thresholds on rates: the candidate is judged by stable's rate at the same time and by the bound."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from arm_ticks import CANARY, FULL, HALF, during, steady
from hypothesis import given
from hypothesis import strategies as st

from rollout_spec.domain.judgement.arms import Arms, EarlierStage
from rollout_spec.domain.judgement.rates import RateBound, judge_rate
from rollout_spec.domain.statistics.counts import Counts, Tick

BOUND = RateBound(0.05, window=300, alpha=0.05, noun="error_rate")


def test_a_failing_candidate_is_a_breach_early() -> None:
    judgement = judge_rate(steady(0.02, 0.08), CANARY, BOUND)
    assert judgement.verdict == "breach"
    assert judgement.breached_after == 30
    assert judgement.message == "error_rate of 42: 8% (360 of 4,500), 41: 2% (1,710 of 85,500); the bound is 5%"


def test_a_healthy_candidate_is_ok() -> None:
    judgement = judge_rate(steady(0.02, 0.02), CANARY, BOUND)
    assert judgement.verdict == "ok"
    assert judgement.points[-1].ok > 1 > judgement.points[-1].breach


def test_a_candidate_without_any_error_is_ok() -> None:
    assert judge_rate(steady(0.0, 0.0), CANARY, BOUND).verdict == "ok"


def test_a_young_stage_is_inconclusive_and_says_how_long() -> None:
    judgement = judge_rate(steady(0.02, 0.02, count=2), CANARY, BOUND)
    assert judgement.verdict == "inconclusive"
    more = judgement.seconds_more
    assert more is not None
    later = judge_rate(steady(0.02, 0.02, count=2 + round(more / 15) + 1), CANARY, BOUND)
    assert later.verdict == "ok"


def test_an_outage_of_both_is_no_breach() -> None:
    outage = during(range(20, 32), 0.08, 0.02)
    assert judge_rate(steady(outage, outage), CANARY, BOUND).verdict != "breach"


def test_a_stable_beyond_the_bound_keeps_the_candidate_from_ok() -> None:
    judgement = judge_rate(steady(0.06, 0.01), CANARY, BOUND)
    assert judgement.verdict == "inconclusive"
    assert "41 is beyond the bound too" in judgement.message


def test_a_failure_after_a_long_healthy_time_is_found() -> None:
    late = during(range(400, 420), 0.15, 0.02)
    judgement = judge_rate(steady(0.02, late, count=420), CANARY, BOUND)
    assert judgement.verdict == "breach"
    assert judgement.breached_after is not None and 6000 < judgement.breached_after <= 6120


def test_a_breach_stays_a_breach_at_each_later_look() -> None:
    early = during(range(10), 0.2, 0.02)
    for count in (20, 60, 200):
        judgement = judge_rate(steady(0.02, early, count=count), CANARY, BOUND)
        assert (judgement.verdict, judgement.breached_after) == ("breach", 15)


def test_a_rate_between_stable_and_the_bound_is_neither_at_first() -> None:
    judgement = judge_rate(steady(0.02, 0.035, count=20), CANARY, BOUND)
    assert judgement.verdict == "inconclusive"


def test_a_rate_below_the_bound_is_never_a_breach() -> None:
    """The evidence may say "unlike stable", but the trigger says "above 5%"."""
    assert judge_rate(steady(0.02, 0.0499, count=500), CANARY, BOUND).verdict == "inconclusive"


def test_the_bound_alone_counts_without_a_control_arm() -> None:
    for rate, verdict in ((0.02, "ok"), (0.05, "inconclusive"), (0.08, "breach")):
        judgement = judge_rate(steady(0, rate, arms=FULL), FULL, BOUND)
        assert judgement.verdict == verdict
        assert judgement.stable is None


@pytest.mark.parametrize("silent", ["stable", "candidate"])
def test_no_requests_are_no_data(silent: str) -> None:
    nothing = Counts(0, 0)
    ticks = [
        Tick(
            each.seconds,
            nothing if silent == "stable" else each.stable,
            nothing if silent != "stable" else each.candidate,
        )
        for each in steady(0.02, 0.5)
    ]
    judgement = judge_rate(ticks, CANARY, BOUND)
    assert judgement.verdict == "no-data"
    assert judgement.message == f"{'41' if silent == 'stable' else '42'} received no requests in the judged time"


def test_evidence_of_an_earlier_stage_counts() -> None:
    """Two stages that each nearly show a failure show it together."""
    bound = RateBound(0.05, 300, 0.03)
    first = steady(0.02, 0.12, count=1)
    alone = judge_rate(first, CANARY, bound)
    together = judge_rate(first, CANARY, bound, [EarlierStage(first, CANARY)] * 2)
    assert alone.verdict == "inconclusive"
    assert together.verdict == "breach"


def test_a_healthy_earlier_stage_does_not_hide_a_failure() -> None:
    healthy = EarlierStage(steady(0.02, 0.02, count=500), CANARY)
    judgement = judge_rate(steady(0.02, 0.1, count=10), CANARY, BOUND, [healthy])
    assert judgement.verdict == "breach"


def test_an_earlier_stage_without_a_control_arm_is_judged_by_the_bound() -> None:
    """The rate of a stable without requests is unknown, and not small."""
    full = EarlierStage(steady(0.0, 0.03, arms=FULL), FULL)
    judgement = judge_rate(steady(0.03, 0.0501, count=1), CANARY, BOUND, [full])
    assert judgement.verdict == "inconclusive"


def test_bursts_count_for_less() -> None:
    def bursty(index: int) -> float:
        return 0.06 if index % 4 == 0 else 0.0067

    judgement = judge_rate(steady(bursty, bursty), CANARY, BOUND)
    assert judgement.verdict != "breach"
    assert any("bursts" in note for note in judgement.notes)


@pytest.mark.parametrize("arms", [CANARY, HALF])
def test_a_failure_is_found_with_little_traffic(arms: Arms) -> None:
    """Ten requests a minute to stable: five minutes without a slow one do not show a rate below 1%."""
    ticks = steady(0.0, 1.0, arms=arms, requests=2.5 / (1 - (arms.share or 0)), count=240)
    assert judge_rate(ticks, arms, RateBound(0.01, 300, 0.05)).verdict == "breach"


def test_a_stable_without_traffic_for_some_time_hides_nothing() -> None:
    ticks = steady(0.0, 1.0, requests=10)
    alone = [replace(tick, stable=Counts(0, 0)) if index > 5 else tick for index, tick in enumerate(ticks)]
    assert judge_rate(alone, CANARY, RateBound(0.01, 300, 0.05)).verdict == "breach"


def test_a_few_events_beyond_the_requests_hide_no_failure() -> None:
    """Two exporters are scraped at different moments, so that the surplus is small."""
    judgement = judge_rate(steady(0.02, 1.005), CANARY, BOUND)
    assert judgement.verdict == "breach"
    assert judgement.interval is not None and judgement.interval[1] == 1


@pytest.mark.parametrize("rate", [0.02, 0.045])
def test_an_equal_candidate_is_seldom_a_breach(rate: float) -> None:
    """Half of few requests go to each: the rate of stable is as uncertain as that of the candidate."""
    numbers = Random(6)

    def count(index: int) -> float:
        return sum(numbers.random() < rate for _ in range(20)) / 20

    runs = (judge_rate(steady(count, count, arms=HALF, requests=40, count=240), HALF, BOUND) for _ in range(200))
    assert sum(judgement.verdict == "breach" for judgement in runs) <= 10, "5% of 200"


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_bound_at_an_end_is_no_data(share: float) -> None:
    judgement = judge_rate(steady(0.0, 0.5), CANARY, RateBound(share, 300, 0.05))
    assert judgement.verdict == "no-data"
    assert judgement.message.endswith("choose a bound between 0% and 100%")


@given(
    rates=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    bound=st.floats(1e-4, 0.9999),
    arms=st.sampled_from([CANARY, HALF, FULL]),
    count=st.integers(1, 40),
    requests=st.floats(0, 1e7),
)
def test_every_verdict_has_finite_numbers(rates, bound, arms, count, requests) -> None:  # type: ignore[no-untyped-def]
    ticks = steady(*rates, arms=arms, count=count, requests=requests)
    judgement = judge_rate(ticks, arms, RateBound(bound, 60, 0.01))
    assert judgement.verdict in ("breach", "ok", "inconclusive", "no-data")
    if judgement.verdict == "breach":
        assert rates[1] > bound * 0.999
    if judgement.verdict == "ok":
        assert rates[1] <= bound * 1.001
    for point in judgement.points:
        assert point.breach == point.breach and point.ok == point.ok
