"""Verdicts on one feature and on all: practical size, evidence, power, and too few rows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rollout_spec.core.drift import DriftCounts, FeatureBins, FeatureCounts
from rollout_spec.domain.drift.features import LEAST_ROWS, Limits
from rollout_spec.domain.drift.report import FeatureDrift, judge_features

NUMBER = FeatureBins("input.x", False, 10_000, tuple(float(edge) for edge in range(9)))
TEXT = FeatureBins("input.c", True, 1_000, (), ("a", "b"), ("a", "b"), 0)


def counts(*bins: int, missing: int = 0, low: float | None = 0, high: float | None = 10) -> FeatureCounts:
    return FeatureCounts(sum(bins) + missing, missing, bins, low, high)


def even(rows: int) -> FeatureCounts:
    return counts(*[rows // 10] * 10)


def judged(bins: FeatureBins, old: FeatureCounts, new: FeatureCounts, limits: Limits | None = None) -> FeatureDrift:
    both = DriftCounts({bins.name: bins}, {bins.name: old}, {bins.name: new}, old.rows, new.rows)
    (feature,) = judge_features(both, limits or Limits())
    return feature


def verdict(feature: FeatureDrift, measure: str) -> str:
    return next(each.verdict for each in feature.measures if each.measure == measure)


def test_a_large_and_certain_change_is_a_breach() -> None:
    moved = judged(NUMBER, even(1_000), counts(*[50] * 5, *[150] * 5))
    assert (verdict(moved, "distribution"), moved.verdict) == ("breach", "breach")
    assert moved.psi == pytest.approx(0.27, abs=0.01)


def test_a_large_change_of_few_rows_is_inconclusive() -> None:
    """The index is 0.2, but that of equal distributions exceeds 0.33 in 5% of all cases."""
    few = judged(NUMBER, even(100), counts(15, 6, 14, 5, 15, 6, 14, 6, 13, 6))
    assert few.psi is not None and few.noise is not None
    assert 0.1 < few.psi < few.noise
    assert verdict(few, "distribution") == "inconclusive"


def test_a_small_and_certain_change_is_ok() -> None:
    small = judged(NUMBER, even(100_000), counts(*[9_000] * 5, *[11_000] * 5))
    assert small.psi == pytest.approx(0.01, abs=0.001)
    assert next(each.p for each in small.measures if each.measure == "distribution") < 1e-9
    assert small.verdict == "ok"


def test_ok_needs_rows_to_find_a_change_as_large_as_the_limit() -> None:
    verdicts = [verdict(judged(NUMBER, even(rows), even(rows)), "distribution") for rows in (100, 200, 2_000)]
    assert verdicts == ["inconclusive", "inconclusive", "ok"]
    wide = judged(NUMBER, even(200), even(200), Limits(psi=0.5))
    assert verdict(wide, "distribution") == "ok"


def test_a_change_just_below_the_limit_is_not_ok() -> None:
    """The index is 0.0928. With 100,000 rows half of all windows with an index of 0.093 are measured below that."""
    window = counts(*[7_000] * 5, *[13_000] * 5)
    verdicts = [
        verdict(judged(NUMBER, even(100_000), window, Limits(psi)), "distribution") for psi in (0.09, 0.093, 0.1)
    ]
    assert verdicts == ["breach", "inconclusive", "ok"]


def test_alpha_is_shared_by_all_features() -> None:
    """The same change is a breach alone, and inconclusive among a hundred features."""
    old, new = even(200), counts(9, 31, 9, 31, 9, 31, 9, 31, 20, 20)
    assert judged(NUMBER, old, new).verdict == "breach"
    names = [f"input.x[{index}]" for index in range(100)]
    bins = {name: replace(NUMBER, name=name) for name in names}
    window = dict.fromkeys(names[1:], even(200)) | {names[0]: new}
    features = judge_features(DriftCounts(bins, dict.fromkeys(names, old), window, 200, 200), Limits())
    assert {feature.verdict for feature in features} == {"inconclusive"}


@pytest.mark.parametrize(("gone", "expected"), [(100, "breach"), (6, "inconclusive"), (0, "ok")])
def test_missing_values(gone: int, expected: str) -> None:
    rows = 1_000 if gone != 6 else 100
    found = judged(NUMBER, even(rows), counts(rows // 10 - gone, *[rows // 10] * 9, missing=gone))
    assert verdict(found, "missing") == expected


def test_values_that_are_all_missing_are_a_breach_and_too_few_are_no_data() -> None:
    assert judged(NUMBER, even(1_000), counts(*[0] * 10, missing=1_000)).verdict == "breach"
    assert judged(NUMBER, counts(*[0] * 10, missing=1_000), counts(*[0] * 10, missing=1_000)).verdict == "no-data"
    few = LEAST_ROWS - 10
    assert judged(NUMBER, even(1_000), even(few)).verdict == "no-data"
    assert judged(NUMBER, even(few), even(1_000)).measures == ()


@pytest.mark.parametrize(("beyond", "expected"), [(200, "breach"), (3, "ok"), (0, "ok")])
def test_values_out_of_range(beyond: int, expected: str) -> None:
    found = judged(NUMBER, even(1_000), replace(even(1_000), above=beyond))
    assert verdict(found, "out of range") == expected


def test_many_values_out_of_a_small_reference_are_no_breach() -> None:
    """The range of 50 rows is expected to leave out 4% of the next ones; 6% is no evidence."""
    found = judged(NUMBER, even(50), replace(even(100), above=3, below=3))
    assert verdict(found, "out of range") == "inconclusive"


def test_new_and_vanished_categories() -> None:
    new = judged(TEXT, counts(600, 400, 0), replace(counts(500, 400, 100), unknown=100))
    assert (verdict(new, "new categories"), new.verdict) == ("breach", "breach")
    vanished = judged(TEXT, counts(600, 400, 0), counts(1_000, 0, 0))
    assert (verdict(vanished, "new categories"), verdict(vanished, "distribution")) == ("ok", "breach")


def test_a_feature_of_ids_has_no_new_categories() -> None:
    """Half of the categories occur once: as many new ones are expected."""
    ids = replace(TEXT, sampled=20_000, singletons=10_000)
    found = judged(ids, counts(0, 0, 20_000), replace(counts(0, 0, 20_000), unknown=10_100))
    assert verdict(found, "new categories") == "ok"
    unknown = judged(replace(ids, known=()), counts(0, 0, 1_000), replace(counts(0, 0, 1_000), unknown=0))
    assert [each.measure for each in unknown.measures] == ["missing", "distribution"]


def test_a_constant_feature_is_ok_until_it_leaves_its_range() -> None:
    constant = FeatureBins("input.k", False, 1_000)
    same = counts(1_000, low=7, high=7)
    assert judged(constant, same, same).verdict == "ok"
    assert judged(constant, same, replace(same, above=1_000)).verdict == "breach"
