"""The report of drift: the verdict on each feature, and on all of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rollout_spec.core.drift import DriftCounts, FeatureCounts
from rollout_spec.domain.drift.features import Limits, MeasureName, Tested, has_rows, measures_of, verdict_of
from rollout_spec.domain.drift.labelled import Performance
from rollout_spec.domain.judgement.verdicts import Verdict, strongest
from rollout_spec.domain.statistics import histograms
from rollout_spec.domain.statistics.multiple import holm


@dataclass(frozen=True)
class MeasureVerdict:
    """The verdict on one measure of a feature.

    ``value`` is the PSI of a distribution, and else the difference of two shares. ``p`` is the probability of such a
    value by chance, adjusted for all tests of the report.
    """

    measure: MeasureName
    verdict: Verdict
    value: float
    limit: float
    p: float


@dataclass(frozen=True)
class FeatureDrift:
    """A feature with its verdicts.

    ``noise`` is the PSI that equal distributions stay below in 95% of all cases.
    """

    name: str
    reference: FeatureCounts
    window: FeatureCounts
    measures: tuple[MeasureVerdict, ...]
    jensen_shannon: float | None = None
    noise: float | None = None

    @property
    def verdict(self) -> Verdict:
        """The strongest verdict; no-data if a side has too few values."""
        if not has_rows(self.reference.present, self.window.present):
            found = strongest(measure.verdict for measure in self.measures)
            return "breach" if found == "breach" else "no-data"
        return strongest(measure.verdict for measure in self.measures)

    @property
    def psi(self) -> float | None:
        """The index of the distribution, None without enough values."""
        return next((measure.value for measure in self.measures if measure.measure == "distribution"), None)


@dataclass(frozen=True)
class Side:
    """One side of a comparison: an address or a version, a time, and its rows."""

    name: str
    version: str | None
    since: datetime | None
    until: datetime | None
    rows: int


@dataclass(frozen=True)
class DriftReport:
    """The drift of a window from a reference. ``limits`` are the accepted changes.

    ``unknown`` entries of the log cannot be read, or have no version or no time: each may belong to the window.
    ``left_out`` features of the log are not compared.
    """

    workspace: str
    rollout: str
    version: str
    at: datetime
    reference: Side
    window: Side
    limits: Limits
    features: tuple[FeatureDrift, ...]
    performance: tuple[Performance, ...] = ()
    notes: tuple[str, ...] = ()
    unknown: int = 0
    left_out: int = 0

    @property
    def verdict(self) -> Verdict:
        """The strongest verdict of the features; no-data without one.

        It is not ok unless the log is whole.
        """
        if not self.features:
            return "no-data"
        found = strongest(feature.verdict for feature in self.features)
        return "inconclusive" if found == "ok" and not self.is_whole else found

    @property
    def is_whole(self) -> bool:
        """Whether all features are compared, and at most the accepted share of the window may be unknown."""
        return not self.left_out and self.unknown <= self.limits.share * (self.unknown + self.window.rows)

    @property
    def sorted(self) -> tuple[FeatureDrift, ...]:
        """The features, those with the strongest verdict first, then by PSI."""
        order = {"breach": 0, "no-data": 1, "inconclusive": 2}
        return tuple(
            sorted(self.features, key=lambda each: (order.get(each.verdict, 3), -(each.psi or 0.0), each.name))
        )


def judge_features(counts: DriftCounts, limits: Limits) -> tuple[FeatureDrift, ...]:
    """Return the verdict on each feature. The tests of all features share alpha (Holm)."""
    tests: dict[str, list[Tested]] = {}
    for name, bins in counts.bins.items():
        if name in counts.window:
            tests[name] = list(measures_of(bins, counts.reference[name], counts.window[name], limits))
    every = [tested for of_feature in tests.values() for tested in of_feature]
    adjusted = dict(zip(map(id, every), holm([tested.p for tested in every]), strict=True))
    return tuple(
        _feature(name, counts, [(tested, adjusted[id(tested)]) for tested in of_feature], limits, len(every))
        for name, of_feature in tests.items()
    )


def _feature(
    name: str, counts: DriftCounts, tests: list[tuple[Tested, float]], limits: Limits, number: int
) -> FeatureDrift:
    old, new = counts.reference[name], counts.window[name]
    measures = tuple(
        MeasureVerdict(tested.measure, verdict_of(tested, p, limits.alpha, number), tested.value, tested.limit, p)
        for tested, p in tests
    )
    distribution = next((tested for tested, _ in tests if tested.measure == "distribution"), None)
    if distribution is None:
        return FeatureDrift(name, old, new, measures)
    noise = histograms.psi_limit(len(old.bins), old.present, new.present)
    return FeatureDrift(name, old, new, measures, distribution.jensen_shannon, noise)
