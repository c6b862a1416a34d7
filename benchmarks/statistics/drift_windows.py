"""Windows of bundled data, drawn with replacement, with or without an injected shift."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from rollout_spec.core.drift import DriftCounts, FeatureBins, FeatureCounts
from rollout_spec.domain.drift.features import Limits
from rollout_spec.domain.drift.report import FeatureDrift, judge_features

Columns = dict[str, np.ndarray[Any, Any]]
Shift = Callable[[Columns], Columns]


@dataclass(frozen=True)
class Drawn:
    """The verdicts on the features of one window."""

    features: tuple[FeatureDrift, ...]

    @property
    def is_breach(self) -> bool:
        """Whether any feature is a breach."""
        return any(feature.verdict == "breach" for feature in self.features)

    @property
    def is_above_limit(self) -> bool:
        """Whether the index of any feature is above 0.1: the rule without statistics."""
        return any((feature.psi or 0.0) > 0.1 for feature in self.features)


def data_sets() -> dict[str, Columns]:
    """Return the bundled data by name. ``discrete`` has columns with few values, and texts."""
    from sklearn import datasets

    loaded = {
        "breast cancer": datasets.load_breast_cancer(),
        "diabetes": datasets.load_diabetes(),
        "digits": datasets.load_digits(),
    }
    sets = {
        name: {f"input.x[{index}]": each.data[:, index].astype(float) for index in range(each.data.shape[1])}
        for name, each in loaded.items()
    }
    cancer = loaded["breast cancer"].data
    sets["discrete"] = {f"input.x[{index}]": np.round(cancer[:, index]) for index in range(6)} | {
        "input.size": np.array(["small", "medium", "large"])[np.digitize(cancer[:, 0], [12, 16])],
        "input.letter": np.array(list("abcdefghij"))[np.digitize(cancer[:, 1], np.arange(12, 30, 2))],
        "input.gap": np.where(cancer[:, 2] < 75, np.nan, cancer[:, 2]),
    }
    return sets


def draw(columns: Columns, rows: int, generator: np.random.Generator, shift: Shift | None = None) -> Drawn:
    """Compare two samples of the same size. ``shift`` changes the second one."""
    size = len(next(iter(columns.values())))
    old, new = ({name: each[generator.integers(0, size, rows)] for name, each in columns.items()} for _ in range(2))
    new = shift(new) if shift else new
    bins = {name: bins_of(name, values) for name, values in old.items()}
    before = {name: count(values, bins[name]) for name, values in old.items()}
    after = {name: count(values, bins[name], before[name]) for name, values in new.items()}
    return Drawn(judge_features(DriftCounts(bins, before, after, rows, rows), Limits()))


def bins_of(name: str, values: np.ndarray[Any, Any]) -> FeatureBins:
    """Return bins as the engines make them."""
    if values.dtype.kind == "U":
        found, counts = np.unique(values, return_counts=True)
        ordered = tuple(str(found[index]) for index in np.argsort(-counts, kind="stable"))
        return FeatureBins(name, True, len(values), (), ordered[:20], ordered, int((counts == 1).sum()))
    known = values[~np.isnan(values)]
    edges = set(np.quantile(known, np.arange(1, 10) / 10, method="lower").tolist()) - {float(known.max())}
    return FeatureBins(name, False, len(known), tuple(sorted(edges)))


def count(values: np.ndarray[Any, Any], bins: FeatureBins, reference: FeatureCounts | None = None) -> FeatureCounts:
    """Return counts as the engines do."""
    if bins.is_text:
        own = [int((values == category).sum()) for category in bins.categories]
        unknown = int((~np.isin(values, bins.known)).sum())
        return FeatureCounts(len(values), 0, (*own, len(values) - sum(own)), unknown=unknown)
    known = values[~np.isnan(values)]
    ends = [0, *((known <= edge).sum() for edge in bins.edges), len(known)]
    low, high = (reference.low, reference.high) if reference else (None, None)
    return FeatureCounts(
        len(values),
        len(values) - len(known),
        tuple(int(number) for number in np.diff(ends)),
        float(known.min()),
        float(known.max()),
        below=int((known < low).sum()) if low is not None else 0,
        above=int((known > high).sum()) if high is not None else 0,
    )
