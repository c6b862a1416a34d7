"""A split is wrong if that is certain, and if it is wrong enough to matter."""

from __future__ import annotations

import math

import pytest
from oracles import oracle

from rollout_spec.domain.statistics.sample_ratio import is_wrong, log_evidence, odds_deviation


@pytest.mark.parametrize(
    ("candidate", "stable", "wrong"),
    [
        (500, 9500, False),
        (600, 9400, True),
        (400, 9600, True),
        (0, 10_000, True),
        (1000, 0, True),
        (52_000, 948_000, False),  # certain, and only 4%
        (53_000, 947_000, True),
        (8, 92, False),  # 60% more, and perhaps by chance
        (0, 0, False),
        (0, 50, False),
    ],
)
def test_a_wrong_split_is_certain_and_large(candidate: int, stable: int, wrong: bool) -> None:
    assert is_wrong(candidate, stable, 0.05) is wrong


def test_a_certain_deviation_below_the_tolerance_is_evidence_all_the_same() -> None:
    assert log_evidence(52_000, 948_000, 0.05) > math.log(100)
    assert odds_deviation(52_000, 948_000, 0.05) == pytest.approx(0.042, abs=0.001)
    assert is_wrong(52_000, 948_000, 0.05, tolerance=0.04)


def test_the_deviation_is_that_of_the_odds() -> None:
    assert odds_deviation(60, 940, 0.05) == pytest.approx((60 / 940) / (5 / 95) - 1)
    assert odds_deviation(5, 95, 0.05) == pytest.approx(0, abs=1e-12)
    assert math.isnan(odds_deviation(0, 0, 0.5))
    assert odds_deviation(1, 0, 0.5) == math.inf


def test_a_right_split_is_called_wrong_in_fewer_than_1_of_100_rollouts() -> None:
    generator = oracle("numpy").random.default_rng(3)
    alarms = 0
    for candidates in generator.binomial(200, 0.05, size=(1000, 60)).cumsum(axis=1):
        pairs = ((int(own), 200 * (tick + 1) - int(own)) for tick, own in enumerate(candidates))
        alarms += any(is_wrong(own, other, 0.05) for own, other in pairs)
    assert alarms / 1000 < 0.01
