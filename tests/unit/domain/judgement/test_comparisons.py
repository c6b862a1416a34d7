"""Comparisons: failures by their split between the arms, other ratios by their difference."""

from __future__ import annotations

from dataclasses import replace

import pytest
from arm_ticks import CANARY, FULL, HALF, during, steady

from rollout_spec.domain.judgement.arms import EarlierStage
from rollout_spec.domain.judgement.comparisons import judge_comparison
from rollout_spec.domain.judgement.moments import Plan
from rollout_spec.domain.statistics.counts import Counts, Tick

FAILURES = Plan("error_rate", drop=0.2, alpha=0.05, good="down")
CONVERSION = Plan("conversion_rate", drop=0.05, alpha=0.05, good="up", horizon=900)


def test_more_failures_are_a_breach() -> None:
    judgement = judge_comparison(steady(0.02, 0.08), CANARY, FAILURES, is_failure=True)
    assert judgement.verdict == "breach"
    assert judgement.breached_after == 30
    assert judgement.message.startswith("error_rate of 42: 8% (360 of 4,500), 41: 2% (1,710 of 85,500) (300% more)")


def test_fewer_failures_are_no_breach() -> None:
    assert judge_comparison(steady(0.08, 0.02), CANARY, FAILURES, is_failure=True).verdict == "ok"


def test_a_shared_outage_is_no_evidence() -> None:
    outage = during(range(20, 32), 0.3, 0.02)
    judgement = judge_comparison(steady(outage, outage), CANARY, FAILURES, is_failure=True)
    assert judgement.verdict != "breach"
    assert judgement.points[-1].breach < 0.2


def test_a_late_failure_is_found() -> None:
    late = during(range(400, 420), 0.15, 0.02)
    judgement = judge_comparison(steady(0.02, late, count=420), CANARY, FAILURES, is_failure=True)
    assert judgement.verdict == "breach"


def test_a_failure_after_a_time_without_any_is_found() -> None:
    """Fewer failures at first are evidence too, and must not hide the later ones."""
    late = during(range(60, 66), 0.08, 0.0)
    judgement = judge_comparison(steady(0.02, late, count=66), CANARY, FAILURES, is_failure=True)
    assert judgement.verdict == "breach"


def test_a_late_failure_stays_a_breach_after_it_is_over() -> None:
    """A look during the failure says breach, so a later one must not say ok, nor name another moment."""
    late = during(range(60, 63), 0.1, 0.02)
    ticks = steady(0.02, lambda index: late(index) if index < 63 else 0.0, count=240)
    for count in (63, 70, 100, 240):
        judgement = judge_comparison(ticks[:count], CANARY, FAILURES, is_failure=True)
        assert (judgement.verdict, judgement.breached_after) == ("breach", 945), count


def test_failures_of_earlier_stages_count() -> None:
    plan = replace(FAILURES, alpha=0.001)
    one = steady(0.02, 0.08, count=4)
    assert judge_comparison(one, CANARY, plan, is_failure=True).verdict == "inconclusive"
    earlier = [EarlierStage(one, CANARY)] * 2
    assert judge_comparison(one, CANARY, plan, is_failure=True, earlier=earlier).verdict == "breach"


@pytest.mark.parametrize(
    "stage",
    [
        EarlierStage(steady(0.02, 0.0201, arms=HALF), HALF),
        EarlierStage(steady(0.02, 0.02, arms=HALF), CANARY),
        EarlierStage(steady(0.0, 0.02, arms=FULL), FULL),
    ],
    ids=["another split", "a router that did not follow", "no control arm"],
)
def test_an_earlier_stage_is_compared_by_its_own_split(stage: EarlierStage) -> None:
    """A copy of all requests shows no failure of the candidate in the canary stage after it."""
    judgement = judge_comparison(steady(0.02, 0.0201), CANARY, FAILURES, is_failure=True, earlier=[stage])
    assert judgement.verdict != "breach"
    assert max(point.breach for point in judgement.points) < 0.2


def test_a_wrong_split_is_invalid() -> None:
    ticks = [replace(tick, candidate=tick.candidate.scaled(1.3)) for tick in steady(0.02, 0.02)]
    judgement = judge_comparison(ticks, CANARY, FAILURES, is_failure=True)
    assert judgement.verdict == "invalid"
    assert judgement.message == "42 received 6.4% of the requests (5,850 of 91,350), but 5% are planned"


def test_a_wrong_split_is_invalid_as_soon_as_it_can_be_seen() -> None:
    """The last ticks alone are too few to show that it is still wrong."""
    ticks = [replace(tick, candidate=tick.candidate.scaled(1.3)) for tick in steady(0.02, 0.02)]
    verdicts = [judge_comparison(ticks[:end], CANARY, CONVERSION, is_failure=False).verdict for end in range(1, 61)]
    assert set(verdicts[:2]) == {"inconclusive"}
    assert set(verdicts[4:]) == {"invalid"}


@pytest.mark.parametrize(("rate", "verdict"), [(0.2, "breach"), (0.02, "invalid")])
def test_a_breach_stays_a_breach_if_the_router_ejects_the_candidate(rate: float, verdict: str) -> None:
    ticks = steady(0.02, rate)
    ejected = [tick if index < 30 else replace(tick, candidate=Counts(0, 0)) for index, tick in enumerate(ticks)]
    judgement = judge_comparison(ejected, CANARY, FAILURES, is_failure=True)
    assert judgement.verdict == verdict
    if verdict == "breach":
        at_once = judge_comparison(ejected[:30], CANARY, FAILURES, is_failure=True)
        assert judgement.breached_after == at_once.breached_after
        assert judgement.notes[-1].startswith("later the split was another one: 42 received 2.56% of the requests")


def test_an_unknown_split_is_taken_from_the_requests() -> None:
    arms = replace(CANARY, share=None)
    ticks = steady(0.02, 0.08, arms=CANARY)
    assert judge_comparison(ticks, arms, FAILURES, is_failure=True).verdict == "breach"


def test_a_drop_is_a_breach_before_the_hold_is_over() -> None:
    judgement = judge_comparison(steady(0.1, 0.08, arms=HALF), HALF, CONVERSION, is_failure=False)
    assert judgement.verdict == "breach"
    assert judgement.breached_after is not None and judgement.breached_after < 600
    assert judgement.interval is not None and judgement.interval[1] < 0


def test_equal_shares_are_ok_at_the_end() -> None:
    ticks = steady(0.1, 0.1, arms=HALF)
    assert judge_comparison(ticks[:20], HALF, CONVERSION, is_failure=False).verdict == "inconclusive"
    assert judge_comparison(ticks, HALF, CONVERSION, is_failure=False).verdict == "ok"


def test_what_comes_after_the_hold_does_not_count() -> None:
    late = during(range(60, 120), 0.1, 0.01)
    judgement = judge_comparison(steady(0.1, late, arms=HALF, count=120), HALF, CONVERSION, is_failure=False)
    assert judgement.verdict == "breach", "what comes later acquits nobody"
    assert judgement.candidate is not None
    assert judgement.candidate.rate == pytest.approx(0.01)


def test_too_little_traffic_is_inconclusive_for_good() -> None:
    judgement = judge_comparison(steady(0.1, 0.098, arms=HALF, requests=40), HALF, CONVERSION, is_failure=False)
    assert judgement.verdict == "inconclusive"
    assert judgement.message.endswith("the test ended with the hold and did not decide, so a person decides")
    assert judgement.seconds_more is None


def test_without_a_hold_the_test_holds_at_any_time() -> None:
    plan = replace(CONVERSION, horizon=None)
    assert judge_comparison(steady(0.1, 0.08, arms=HALF), HALF, plan, is_failure=False).verdict == "breach"
    judgement = judge_comparison(steady(0.1, 0.1, arms=HALF, count=200), HALF, plan, is_failure=False)
    assert (judgement.verdict, judgement.method) == ("ok", "asymptotic confidence sequence")


def test_a_soft_comparison_is_read_once() -> None:
    plan = replace(CONVERSION, is_single=True, alpha=0.2)
    ticks = steady(0.1, 0.096, arms=HALF)
    before = judge_comparison(ticks[:50], HALF, plan, is_failure=False)
    assert before.verdict == "inconclusive"
    assert before.message.endswith("the test is read once in 2m30s")
    after = judge_comparison(ticks, HALF, plan, is_failure=False)
    assert (after.verdict, after.breached_after) == ("breach", 900)
    assert "one look at the end: a candidate that is not worse is reported in 20% of all cases" in after.notes


def test_few_events_are_no_look() -> None:
    judgement = judge_comparison(steady(0.1, 0.0, arms=HALF, requests=20), HALF, CONVERSION, is_failure=False)
    assert judgement.verdict == "inconclusive"


def test_there_is_no_control_arm_at_full_traffic() -> None:
    judgement = judge_comparison(steady(0.1, 0.1, arms=FULL), FULL, CONVERSION, is_failure=False)
    assert judgement.verdict == "no-data"
    assert judgement.message == "41 receives no requests in this stage, so there is no control arm"


def test_no_sessions_are_no_data() -> None:
    ticks = [Tick(each.seconds, each.stable, Counts(0, 0)) for each in steady(0.1, 0.1, arms=HALF)]
    judgement = judge_comparison(ticks, HALF, CONVERSION, is_failure=False)
    assert (judgement.verdict, judgement.message) == (
        "no-data",
        "no conversion_rate of 42 was counted in the judged time",
    )


def test_the_router_may_follow_later_than_the_warmup() -> None:
    """The first five minutes have the split of the stage before."""
    before = steady(0.02, 0.02, arms=replace(CANARY, share=0.01), count=20)
    after = [replace(tick, seconds=tick.seconds + 300) for tick in steady(0.02, 0.02, count=200)]
    judgement = judge_comparison([*before, *after], CANARY, FAILURES, is_failure=True)
    assert judgement.verdict != "invalid"
    assert judgement.candidate is not None and judgement.candidate.total == 200 * 75
    assert "the planned split came 5m after the warm-up, and what was before does not count" in judgement.notes


def test_a_router_that_never_follows_is_invalid() -> None:
    ticks = steady(0.02, 0.02, arms=replace(CANARY, share=0.01), count=200)
    assert judge_comparison(ticks, CANARY, FAILURES, is_failure=True).verdict == "invalid"


def test_a_short_wrong_split_is_no_evidence() -> None:
    """A replica restarts: for a minute the candidate receives nothing, and later the split is the planned one again."""
    ticks = steady(0.02, 0.02, count=400)
    for index in range(60, 64):
        ticks[index] = replace(ticks[index], candidate=Counts(0, 0))
    judgement = judge_comparison(ticks, CANARY, FAILURES, is_failure=True)
    assert judgement.verdict in ("ok", "inconclusive")
