"""Evidence over stages is an e-process, in which a late failure is found and alpha holds for the whole rollout."""

from __future__ import annotations

import math
from itertools import product

import pytest

from rollout_spec.domain.statistics.stages import combine


def test_the_weights_are_a_half_a_quarter_and_a_twelfth() -> None:
    first, second, third = 3.0, 5.0, 7.0
    expected = first * second * third / 2 + second * third / 4 + third / 12 + 1 / 6
    assert math.exp(combine([math.log(value) for value in (first, second, third)])) == pytest.approx(expected)
    assert combine([]) == 0


@pytest.mark.parametrize("threshold", [0.9, 1.0, 1.5, 2.0, 4.0, 20.0])
@pytest.mark.parametrize("chance", [0.5, 0.25, 0.02])
def test_its_mean_is_1_however_a_reader_stops(threshold: float, chance: float) -> None:
    """Each stage multiplies by ``1 / chance`` or by nearly nothing. A reader stops at a threshold, or after four."""
    nearly, mean = 1e-9, 0.0
    high = (1 - (1 - chance) * nearly) / chance
    for course in product((True, False), repeat=4):
        logs = [math.log(high if hit else nearly) for hit in course]
        values = [math.exp(combine(logs[: count + 1])) for count in range(4)]
        stopped = next((value for value in values if value >= threshold), values[-1])
        mean += stopped * math.prod(chance if hit else 1 - chance for hit in course)
    assert mean == pytest.approx(1, rel=1e-9)


def test_a_plain_mean_over_the_stages_up_to_now_exceeds_1() -> None:
    """It is the reason for the weights: stop after the first stage if its evidence is 2, else read the second."""
    values = {True: 2.0, False: 0.0}
    mean = 0.0
    for first, second in product((True, False), repeat=2):
        both = (values[first] * values[second] + values[second]) / 2
        mean += (values[first] if first else both) / 4
    assert mean == 1.25


def test_a_failure_that_begins_in_the_third_stage_is_found_there() -> None:
    assert combine([-300.0, -200.0, 6.0]) > math.log(20)
    assert combine([-1e6, -1e6, 6.0]) == combine([-300.0, -200.0, 6.0])
    assert combine([-300.0, -200.0, 0.0]) < 0
    assert combine([2.0, 2.0, 0.5]) > math.log(20)


def test_nan_is_no_evidence() -> None:
    assert not combine([50.0, math.nan, 50.0]) >= 0
