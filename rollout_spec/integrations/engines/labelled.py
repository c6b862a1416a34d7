"""The queries of precision, recall and AUC: scores of labelled rows in bins."""

from __future__ import annotations

from typing import Any

from rollout_spec.core.drift import LABEL_BINS, LabelledCounts, RowFilter
from rollout_spec.integrations.engines.expressions import number, rows_of


def count_labelled(table: Any, rows: RowFilter, output: str, labels: Any | None = None) -> LabelledCounts:
    """Count the scores of a version by label.

    ``labels`` is a table of ``request_id``, ``label`` and perhaps ``row``; without it the labels of the log count.
    """
    import ibis

    chosen = rows_of(table, rows)
    scored = chosen.select("request_id", "row", score=number(chosen[output]), own=number(chosen.label_number)).filter(
        lambda each: each.score.notnull()
    )
    labelled = scored.mutate(label=scored.own) if labels is None else _joined(scored, labels)
    valid = labelled.label.isin([0.0, 1.0]) & labelled.score.between(0.0, 1.0)
    state = ibis.cases((labelled.label.isnull(), "unlabelled"), (valid & (labelled.label == 1.0), "positive"),
                       (valid, "negative"), else_="unusable")  # fmt: skip
    place = (labelled.score.clip(0.0, 1.0) * LABEL_BINS).floor().cast("int64").clip(0, LABEL_BINS - 1)
    binned = labelled.mutate(state=state.coalesce("unusable"), bin=place)
    counted = binned.group_by(["state", "bin"]).aggregate(found=lambda each: each.count())
    return _counts(counted.to_pyarrow().to_pylist())


def _joined(scored: Any, labels: Any) -> Any:
    """Return scores with labels. A request with different labels has an unusable one."""
    import ibis

    keys = ["request_id", "row"] if "row" in labels.columns else ["request_id"]
    once = labels.group_by(keys).aggregate(low=lambda each: each.label.min(), high=lambda each: each.label.max())
    joined = scored.left_join(once, keys)
    differing = ibis.ifelse(joined.low == joined.high, joined.low, ibis.literal(-1.0))
    return joined.mutate(label=ibis.ifelse(joined.low.isnull(), ibis.null("float64"), differing))


def _counts(rows: list[dict[str, Any]]) -> LabelledCounts:
    sums = {"unlabelled": 0, "unusable": 0}
    bins = {"positive": [0] * LABEL_BINS, "negative": [0] * LABEL_BINS}
    for row in rows:
        if row["state"] in bins:
            bins[row["state"]][int(row["bin"])] += int(row["found"])
        else:
            sums[row["state"]] += int(row["found"])
    return LabelledCounts(sums["unlabelled"], sums["unusable"], tuple(bins["positive"]), tuple(bins["negative"]))
