"""The report of a replay: each kind's measures, and the noise floor below them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rollout_spec.core.divergence import ClassPair, DivergenceCounts, GroupCounts, Labelled, Mean
from rollout_spec.domain.divergence.report import DivergenceReport, Measure, judge_divergence
from rollout_spec.domain.statistics.counts import Counts
from rollout_spec.domain.statistics.proportions import wilson

PAIRS = (ClassPair("a", "a", 70), ClassPair("a", "b", 20), ClassPair("b", "b", 10))
CLASSES = GroupCounts(
    "label", "class", "failed", None, 100, 100, 100, shares={"changed": 20}, pairs=PAIRS,
    chance_products=90 * 70 + 10 * 30, labelled=Labelled(60, 15, 5, 20),
)  # fmt: skip
FLOOR = replace(
    CLASSES, arm="floor", rows=50, weight=50, weight_squares=50, shares={"changed": 2}, pairs=(), labelled=None
)


def report(*groups: GroupCounts) -> DivergenceReport:
    return judge_divergence(DivergenceCounts(groups))


def measures(*groups: GroupCounts) -> dict[str, Measure]:
    return {measure.name: measure for measure in report(*groups).outputs[0].measures}


def test_classes_flip_beyond_the_floor() -> None:
    flips = measures(CLASSES, FLOOR)["flip rate"]
    assert (flips.value, flips.floor) == (0.2, 0.04)
    assert flips.excess == pytest.approx(0.16)
    assert flips.interval == wilson(Counts(20, 100), 0.95)
    assert flips.excess_interval is not None
    low, high = flips.excess_interval
    assert 0 < low < 0.16 < high
    found = report(CLASSES, FLOOR).outputs[0]
    assert found.main == flips
    assert (found.rows, found.floor_rows) == (100, 50)
    assert found.labels_p == pytest.approx(0.0414, abs=1e-4)
    kappa = measures(CLASSES, FLOOR)["kappa"].value
    assert kappa == pytest.approx((0.8 - 0.66) / (1 - 0.66))


def test_without_a_floor_there_is_no_excess() -> None:
    flips = measures(CLASSES)["flip rate"]
    assert (flips.floor, flips.excess, flips.excess_interval) == (None, None, None)
    assert report(CLASSES).outputs[0].floor_rows == 0


def test_weights_make_an_interval_wider() -> None:
    """Half of the rows count three times: they are worth 80 rows of 100."""
    weighted = replace(CLASSES, weight=200, weight_squares=500, shares={"changed": 40})
    even, uneven = (measures(group)["flip rate"] for group in (CLASSES, weighted))
    assert uneven.value == even.value == 0.2
    assert uneven.interval == wilson(Counts(16, 80), 0.95)


def test_scores_have_a_limit_for_chance() -> None:
    bins = tuple(10 for _ in range(100))
    shifted = (*([0] * 50), *([20] * 50))
    group = GroupCounts(
        "score", "score", "failed", None, 1_000, 1_000, 1_000, shares={"crossed": 100},
        means={"absolute": Mean(1_000, 0.1, 0.05), "square": Mean(1_000, 0.0225, 0.01)},
        quantiles={"absolute": ((0.5, 0.09), (0.9, 0.2))}, logged_bins=bins, replayed_bins=bins,
    )  # fmt: skip
    equal, other = measures(group), measures(replace(group, replayed_bins=shifted))
    assert (equal["PSI"].value, equal["Jensen-Shannon"].value) == (0, 0)
    assert other["PSI"].limit is not None and other["PSI"].value > other["PSI"].limit > 0.02
    assert other["Jensen-Shannon"].value == pytest.approx(0.311, abs=1e-3)
    assert equal["crosses the threshold"].value == 0.1
    assert equal["root mean squared difference"].value == pytest.approx(0.15)
    assert equal["absolute difference, 90% quantile"].value == 0.2
    assert equal["mean absolute difference"].interval == pytest.approx((0.0969, 0.1031), abs=1e-4)


@pytest.mark.parametrize(
    ("kind", "means", "main"),
    [
        ("number", {"absolute": Mean(9, 4.0, 1.0), "bias": Mean(9, -1.0, 1.0)}, "mean absolute difference"),
        ("ranking", {"rbo": Mean(9, 0.9, 0.1), "overlap": Mean(9, 0.8, 0.1)}, "rank-biased overlap"),
        ("text", {"edit_ratio": Mean(9, 0.9, 0.1), "token_f1": Mean(9, 0.8, 0.1)}, "changed texts"),
    ],
)
def test_each_kind_has_one_main_measure(kind: str, means: dict[str, Mean], main: str) -> None:
    group = GroupCounts("y", kind, "failed", None, 9, 9, 9, means=means)  # type: ignore[arg-type]
    found = report(group).outputs[0]
    assert found.main is not None and found.main.name == main
    assert [measure.name for measure in found.measures if measure.is_main] == [main]


def test_segments_follow_the_whole_the_largest_first() -> None:
    small = replace(CLASSES, segment="app", rows=10, weight=10, weight_squares=10, shares={}, pairs=())
    large = replace(small, segment="web", rows=90)
    found = judge_divergence(DivergenceCounts((small, large, CLASSES), segments_left_out=3))
    assert [output.segment for output in found.outputs] == [None, "web", "app"]
    assert [output.segment for output in found.totals] == [None]
    assert found.segments_left_out == 3


def test_no_rows_are_no_measures() -> None:
    nothing = replace(CLASSES, rows=0, weight=0, weight_squares=0, unusable=7, shares={}, pairs=(), labelled=None)
    found = report(nothing).outputs[0]
    assert (found.measures, found.main, found.unusable, found.labels_p) == ((), None, 7, None)
