"""The verdict of a whole report: it is ok only if the log is known."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from rollout_spec.core.drift import DriftCounts, FeatureBins, FeatureCounts
from rollout_spec.domain.drift.features import Limits
from rollout_spec.domain.drift.report import DriftReport, Side, judge_features

ROWS = 2_000


def report(window: tuple[int, int] = (1_000, 1_000), unknown: int = 0, left_out: int = 0) -> DriftReport:
    """Return a report of one feature with two bins."""
    old, new = FeatureCounts(ROWS, 0, (1_000, 1_000)), FeatureCounts(ROWS, 0, window)
    bins = {"input.a": FeatureBins("input.a", False, ROWS, (0.5,))}
    features = judge_features(DriftCounts(bins, {"input.a": old}, {"input.a": new}, ROWS, ROWS), Limits())
    side = Side("log", "41", None, None, ROWS)
    now = datetime(2026, 11, 20, tzinfo=UTC)
    return DriftReport("acme", "fraud", "42", now, side, side, Limits(), features, unknown=unknown, left_out=left_out)


@pytest.mark.parametrize(("unknown", "verdict"), [(0, "ok"), (100, "ok"), (105, "ok"), (106, "inconclusive")])
def test_a_window_of_which_much_may_be_unknown_is_not_ok(unknown: int, verdict: str) -> None:
    """106 entries would be more than 5% of the window if all belonged to it."""
    assert report(unknown=unknown).verdict == verdict


def test_a_log_with_too_many_features_is_not_ok() -> None:
    """A caller may have sent the others first."""
    assert report(left_out=1).verdict == "inconclusive"


def test_a_breach_stays_one() -> None:
    assert report((1_900, 100), unknown=5_000, left_out=3).verdict == "breach"
