"""The queries of the replay report, on pairs of logged and replayed answers.

One query counts all outputs and arms, first of all rows and then by segment. Scores and classes are counted in one
more each.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, cast

from rollout_spec.core.divergence import (
    SCORE_BINS,
    ClassPair,
    DivergenceCounts,
    GroupCounts,
    Labelled,
    Mean,
    OutputKind,
)
from rollout_spec.integrations.engines import Engine
from rollout_spec.integrations.engines.divergence_measures import MEANS, QUANTILES, SHARES, measured
from rollout_spec.integrations.engines.expressions import count_of, sampled, text

MOST_SEGMENTS = 50
"""The most segments of the report: the largest ones."""
MOST_PAIRS = 1_000
"""The most pairs of classes of a group."""
SAMPLE = 200_000
"""The rows, about, from which quantiles are computed."""

Key = tuple[str, str, str | None]
"""Output, arm and segment of a group; the segment is None for all rows."""
Rows = dict[Key, list[dict[str, Any]]]


def count_divergence(
    engine: Engine, pairs: Any, kinds: Mapping[str, OutputKind], threshold: float = 0.5
) -> DivergenceCounts:
    """Count the pairs of the named outputs. A score from ``threshold`` on is positive."""
    measures = measured(
        pairs.filter(pairs.output.isin(list(kinds)) & pairs.arm.isin(["failed", "floor"])), kinds, threshold
    )
    rows = engine.view(measures)
    segments, left_out = _segments(rows)
    groups: list[GroupCounts] = []
    by_segment = rows.mutate(group=text(rows.segment)).filter(lambda each: each.group.isin(segments))
    for table in (rows.mutate(group=_no_segment()), *([by_segment] if segments else [])):
        groups += _groups(engine, engine.view(table), kinds)
    return DivergenceCounts(tuple(groups), left_out)


def _groups(engine: Engine, table: Any, kinds: Mapping[str, OutputKind]) -> list[GroupCounts]:
    used = table.filter(table.is_usable)
    totals = _collected(table.group_by(_KEYS).aggregate(**_aggregates(table)))
    quantiles = _quantiles(used)
    bins = _bins(engine, used) if "score" in kinds.values() else {}
    pairs, chance = _pairs(engine, used) if "class" in kinds.values() else ({}, {})
    return [
        _group(key, kinds[key[0]], rows[0], quantiles.get(key, []), bins, pairs.get(key, []), chance.get(key, 0))
        for key, rows in sorted(totals.items(), key=lambda each: (each[0][2] or "", each[0][:2]))
    ]


_KEYS = ("output", "arm", "group")


def _aggregates(table: Any) -> dict[str, Any]:
    weight = table.used_weight
    found: dict[str, Any] = {
        "rows": count_of(table.is_usable),
        "unusable": count_of(~table.is_usable),
        "weight_sum": weight.sum(),
        "weight_squares": (weight * weight).sum(),
        "both_right": count_of(table.logged_right & table.replayed_right),
        "only_logged_right": count_of(table.logged_right & ~table.replayed_right),
        "only_replayed_right": count_of(~table.logged_right & table.replayed_right),
        "both_wrong": count_of(~table.logged_right & ~table.replayed_right),
    }
    for name in SHARES:
        found[f"share_{name}"] = table[f"{name}_weight"].sum()
    for name in MEANS:
        found[f"rows_{name}"] = table[name].count()
        found[f"mean_{name}"] = table[name].mean()
        found[f"deviation_{name}"] = table[name].std(how="sample")
    return found


def _group(
    key: Key,
    kind: OutputKind,
    row: Mapping[str, Any],
    quantiles: list[dict[str, Any]],
    bins: Mapping[str, Rows],
    pairs: list[dict[str, Any]],
    chance: int,
) -> GroupCounts:
    ordered = sorted(pairs, key=lambda each: (-each["rows"], str(each["logged_class"]), str(each["replayed_class"])))
    labelled = Labelled(*(int(row[name]) for name in Labelled.__dataclass_fields__))
    both = (labelled.both_right, labelled.only_logged_right, labelled.only_replayed_right, labelled.both_wrong)
    binned = {side: _filled(rows.get(key, []), f"{side}_bin") for side, rows in bins.items()} if kind == "score" else {}
    return GroupCounts(
        output=key[0],
        kind=kind,
        arm=cast(Any, key[1]),
        segment=key[2],
        rows=int(row["rows"]),
        weight=float(row["weight_sum"] or 0),
        weight_squares=float(row["weight_squares"] or 0),
        unusable=int(row["unusable"]),
        shares={name: float(row[f"share_{name}"] or 0) for name in SHARES},
        means={
            name: Mean(int(row[f"rows_{name}"]), float(row[f"mean_{name}"]), float(row[f"deviation_{name}"] or 0))
            for name in MEANS
            if row[f"mean_{name}"] is not None
        },
        quantiles={name: _points(quantiles, name) for name in ("absolute", "relative") if _points(quantiles, name)},
        logged_bins=binned.get("logged", ()),
        replayed_bins=binned.get("replayed", ()),
        pairs=tuple(
            ClassPair(each["logged_class"], each["replayed_class"], int(each["rows"])) for each in ordered[:MOST_PAIRS]
        ),
        other_pairs=int(row["rows"]) - sum(int(each["rows"]) for each in ordered[:MOST_PAIRS]) if pairs else 0,
        chance_products=chance,
        labelled=labelled if any(both) else None,
    )


def _collected(expression: Any) -> Rows:
    rows: Rows = defaultdict(list)
    for row in expression.to_pyarrow().to_pylist():
        rows[(row["output"], row["arm"], row["group"])].append(row)
    return rows


def _segments(table: Any) -> tuple[list[str], int]:
    """Return the largest segments, and the number of others."""
    counted = table.mutate(group=text(table.segment)).filter(lambda each: each.group.notnull())
    sizes = counted.group_by("group").aggregate(rows=lambda each: each.count())
    number = int(sizes.count().to_pyarrow().as_py())
    largest = sizes.order_by([sizes.rows.desc(), sizes.group.asc()]).limit(MOST_SEGMENTS)
    return [row["group"] for row in largest.to_pyarrow().to_pylist()], max(number - MOST_SEGMENTS, 0)


def _no_segment() -> Any:
    import ibis

    return ibis.null("string")


def _quantiles(used: Any) -> Rows:
    """Return exact quantiles of a sample, or of all rows if they are few."""
    compared = used.filter(used.absolute.notnull())
    total = int(compared.count().to_pyarrow().as_py())
    if not total:
        return {}
    sample = sampled(compared, SAMPLE, total)
    measures = {
        f"{name}_{probability}": sample[name].quantile(probability)
        for name in ("absolute", "relative")
        for probability in QUANTILES
    }
    return _collected(sample.group_by(_KEYS).aggregate(**measures))


def _points(rows: list[dict[str, Any]], name: str) -> tuple[tuple[float, float], ...]:
    if not rows or rows[0][f"{name}_{QUANTILES[0]}"] is None:
        return ()
    return tuple((probability, float(rows[0][f"{name}_{probability}"])) for probability in QUANTILES)


def _bins(engine: Engine, used: Any) -> dict[str, Rows]:
    """Return the rows by the bin of the logged and of the replayed score."""
    binned = used.filter(used.logged_bin.notnull()).group_by([*_KEYS, "logged_bin", "replayed_bin"])
    kept = engine.keep(binned.aggregate(rows=lambda each: each.count()))
    return {
        side: _collected(kept.group_by([*_KEYS, f"{side}_bin"]).aggregate(rows=lambda each: each.rows.sum()))
        for side in ("logged", "replayed")
    }


def _filled(rows: list[dict[str, Any]], column: str) -> tuple[int, ...]:
    counts = {int(row[column]): int(row["rows"]) for row in rows}
    return tuple(counts.get(index, 0) for index in range(SCORE_BINS))


def _pairs(engine: Engine, used: Any) -> tuple[Rows, dict[Key, int]]:
    """Return the most frequent pairs of classes, and the sum over classes of logged times replayed rows."""
    classes = used.filter(used.logged_class.notnull()).group_by([*_KEYS, "logged_class", "replayed_class"])
    kept = engine.keep(classes.aggregate(rows=lambda each: each.count()))
    names = [kept[name].asc() for name in (*_KEYS, "logged_class", "replayed_class")]
    pairs = _collected(kept.order_by([kept.rows.desc(), *names]).limit(MOST_PAIRS * MOST_SEGMENTS))
    logged, replayed = (
        kept.group_by([*_KEYS, column]).aggregate(rows=lambda each: each.rows.sum())
        for column in ("logged_class", "replayed_class")
    )
    left = logged.select("output", "arm", group=logged.group.coalesce(""), label=logged.logged_class, old=logged.rows)
    right = replayed.select(
        "output", "arm", group=replayed.group.coalesce(""), label=replayed.replayed_class, new=replayed.rows
    )
    joined = left.inner_join(right, [*_KEYS, "label"]).group_by(_KEYS)
    summed = joined.aggregate(products=lambda each: (each.old * each.new).sum()).to_pyarrow().to_pylist()
    return pairs, {(row["output"], row["arm"], row["group"] or None): int(row["products"]) for row in summed}
