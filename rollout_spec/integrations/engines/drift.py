"""The queries of the drift report: bins from a sample of the reference, then the counts of both sides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from rollout_spec.core.drift import DriftCounts, FeatureBins, FeatureCounts, RowFilter
from rollout_spec.integrations.engines import Engine
from rollout_spec.integrations.engines.expressions import (
    batches,
    count_of,
    first_row,
    is_finite,
    is_text,
    number,
    rows_of,
    sampled,
    text,
)

SAMPLE = 50_000
"""The rows of the reference, about, from which the bins are made."""
BINS = 10
MOST_CATEGORIES = 20
"""The most categories with a bin of their own."""
MOST_KNOWN = 1_000
"""The most categories that are known. In a feature with more, new categories are not counted."""
_SAMPLED_COLUMNS = 4
"""The features of the sample that are in memory at once: a text may have 800 bytes."""
_COLUMNS = 16
"""The features of one query: each column is read once, and a query of all would be too long for Spark's compiler."""
_PREFIXES = ("input.", "output.")


def features_of(table: Any) -> list[str]:
    """Return the columns of inputs and outputs."""
    return [name for name in table.columns if name.startswith(_PREFIXES)]


def count_drift(engine: Engine, reference: Any, window: Any, rows: RowFilter, window_rows: RowFilter) -> DriftCounts:
    """Count the values of all features that both tables have with the same type."""
    kinds = [{name: is_text(table[name]) for name in features_of(table)} for table in (reference, window)]
    names = [name for name, kind in kinds[0].items() if kinds[1].get(name) == kind]
    old, new = rows_of(reference, rows), rows_of(window, window_rows)
    total, window_total = _count(old), _count(new)
    bins = bins_of(engine, old, names, total) if names and total else {}
    counts = count_features(old, bins, {}) if bins else {}
    ranges = {name: (each.lowest, each.highest) for name, each in counts.items()}
    return DriftCounts(
        bins=bins,
        reference=counts,
        window=count_features(new, bins, ranges) if bins and window_total else {},
        reference_rows=total,
        window_rows=window_total,
        only_in_reference=tuple(name for name in kinds[0] if name not in names),
        only_in_window=tuple(name for name in kinds[1] if name not in names),
        unplaced_rows=_count(window.filter(window.version.isnull() | window.time.isnull())),
    )


def bins_of(engine: Engine, reference: Any, names: Sequence[str], total: int) -> dict[str, FeatureBins]:
    """Return the bins of features, from a sample of the reference."""
    columns = {name: text(reference[name]) if is_text(reference[name]) else number(reference[name]) for name in names}
    bins: dict[str, FeatureBins] = {}
    sample = engine.keep(sampled(reference.mutate(**columns), SAMPLE, total).select(*names))
    for some in batches(names, _SAMPLED_COLUMNS):
        values = sample.select(*some).to_pyarrow()
        for name in some:
            make = _categories if is_text(sample[name]) else _edges
            bins[name] = make(name, values.column(name).drop_null())
    return bins


def count_features(
    table: Any, bins: Mapping[str, FeatureBins], ranges: Mapping[str, tuple[float | None, float | None]]
) -> dict[str, FeatureCounts]:
    """Count the values of features in their bins, and those outside of some ranges."""
    counts: dict[str, FeatureCounts] = {}
    for names in batches(list(bins), _COLUMNS):
        rows = _prepared(table, names, bins)
        measures: dict[str, Any] = {"rows": rows.count()}
        for index, name in enumerate(names):
            for key, measure in _measures(rows, index, bins[name], ranges.get(name, (None, None))):
                measures[f"f{index}_{key}"] = measure
        row = first_row(rows.aggregate(**measures))
        for index, name in enumerate(names):
            prefix = f"f{index}_"
            own = {key.removeprefix(prefix): value for key, value in row.items() if key.startswith(prefix)}
            counts[name] = _counts(row["rows"], own, bins[name])
    return counts


def _prepared(table: Any, names: Sequence[str], bins: Mapping[str, FeatureBins]) -> Any:
    """Return the values of features, and their finite ones, as columns.

    So an engine computes them once for each row.
    """
    import ibis

    columns = {f"value{i}": (text if bins[name].is_text else number)(table[name]) for i, name in enumerate(names)}
    rows = table.select(**columns)
    values = {i: rows[f"value{i}"] for i, name in enumerate(names) if not bins[name].is_text}
    absent = ibis.null("float64")
    return rows.mutate(**{f"finite{i}": ibis.ifelse(is_finite(value), value, absent) for i, value in values.items()})


def _measures(
    rows: Any, index: int, bins: FeatureBins, limits: tuple[float | None, float | None]
) -> Iterator[tuple[str, Any]]:
    value = rows[f"value{index}"]
    if bins.is_text:
        for place, category in enumerate(bins.categories):
            yield f"bin{place}", count_of(value == category)
        if bins.known:
            yield "unknown", count_of(~value.isin(list(bins.known)))
    else:
        finite = rows[f"finite{index}"]
        for place, edge in enumerate(bins.edges):
            yield f"bin{place}", count_of(value <= edge)
        yield "lowest", value.min()
        yield "highest", value.max()
        yield "low", finite.min()
        yield "high", finite.max()
        yield "mean", finite.mean()
        yield "deviation", finite.std(how="sample")
        low, high = limits
        if low is not None and high is not None:
            yield "below", count_of(value < low)
            yield "above", count_of(value > high)
    yield "present", value.count()


def _counts(rows: int, own: Mapping[str, Any], bins: FeatureBins) -> FeatureCounts:
    present = int(own["present"])
    if bins.is_text:
        counted = [int(own[f"bin{index}"]) for index in range(len(bins.categories))]
        counted.append(present - sum(counted))
    else:
        ends = [0, *(int(own[f"bin{index}"]) for index in range(len(bins.edges))), present]
        counted = [end - start for start, end in pairwise(ends)]
    return FeatureCounts(
        rows=int(rows),
        missing=int(rows) - present,
        bins=tuple(counted),
        low=own.get("low"),
        high=own.get("high"),
        mean=own.get("mean"),
        deviation=own.get("deviation"),
        below=int(own.get("below", 0)),
        above=int(own.get("above", 0)),
        unknown=int(own.get("unknown", 0)),
        lowest=own.get("lowest"),
        highest=own.get("highest"),
    )


def _edges(name: str, values: Any) -> FeatureBins:
    """Return bins with about the same number of rows.

    An edge is a value of the sample, so ties stay together.
    """
    from pyarrow import compute

    size = len(values)
    if not size:
        return FeatureBins(name, is_text=False, sampled=0)
    shares = [index / BINS for index in range(1, BINS)]
    edges = set(compute.quantile(values, q=shares, interpolation="lower").to_pylist())
    highest = compute.max(values).as_py()
    return FeatureBins(name, is_text=False, sampled=size, edges=tuple(sorted(edges - {highest})))


def _categories(name: str, values: Any) -> FeatureBins:
    counted = Counter({each["values"]: each["counts"] for each in values.value_counts().to_pylist()})
    ordered = sorted(counted, key=lambda category: (-counted[category], category))
    return FeatureBins(
        name,
        is_text=True,
        sampled=len(values),
        categories=tuple(ordered[:MOST_CATEGORIES]),
        known=tuple(ordered) if len(ordered) <= MOST_KNOWN else (),
        singletons=sum(1 for count in counted.values() if count == 1),
    )


def _count(table: Any) -> int:
    return int(table.count().to_pyarrow().as_py())
