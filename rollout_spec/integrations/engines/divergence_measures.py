"""The measures of each pair of answers, as columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rollout_spec.core.divergence import SCORE_BINS, OutputKind
from rollout_spec.integrations.engines.expressions import number, text

QUANTILES = (0.5, 0.9, 0.99)
SHARES = ("changed", "crossed")
MEANS = ("absolute", "bias", "square", "overlap", "rbo", "tau", "edit_ratio", "token_f1", "length_ratio")
_COLUMNS = {
    "logged_number": "float64",
    "replayed_number": "float64",
    "logged_text": "string",
    "replayed_text": "string",
    "label_number": "float64",
    "label_text": "string",
    "segment": "string",
    "weight": "float64",
    "overlap": "float64",
    "rbo": "float64",
    "tau": "float64",
    "exact": "boolean",
    "edit_ratio": "float64",
    "token_f1": "float64",
    "length_ratio": "float64",
}
"""The columns that only some kinds of output have."""


def measured(pairs: Any, kinds: Mapping[str, OutputKind], threshold: float) -> Any:
    """Return pairs with a column for each measure; null if the kind of the output has no such measure."""
    import ibis

    absent = {name: ibis.null(kind) for name, kind in _COLUMNS.items() if name not in pairs.columns}
    table = pairs.mutate(**absent)
    table = table.mutate(**{name: table[name].cast(kind) for name, kind in _COLUMNS.items()})
    table = table.mutate(kind=ibis.cases(*((table.output == name, kind) for name, kind in kinds.items())))
    is_number, is_class = table.kind.isin(["score", "number"]), table.kind == "class"
    table = table.mutate(
        old=ibis.ifelse(is_number, number(table.logged_number), ibis.null("float64")),
        new=ibis.ifelse(is_number, number(table.replayed_number), ibis.null("float64")),
        logged_class=ibis.ifelse(is_class, text(table.logged_text), ibis.null("string")),
        replayed_class=ibis.ifelse(is_class, text(table.replayed_text), ibis.null("string")),
        row_weight=number(table.weight).coalesce(1.0),
        label=number(table.label_number),
    )
    table = table.mutate(moved=table.new - table.old)
    table = _with_rights(_with_measures(table, threshold), threshold)
    used = {name: ibis.ifelse(table.is_usable, table[name], ibis.null("float64")) for name in MEANS}
    weights = {f"{name}_weight": ibis.ifelse(table.is_usable & table[name], table.row_weight, 0.0) for name in SHARES}
    return table.mutate(used_weight=ibis.ifelse(table.is_usable, table.row_weight, 0.0), **used, **weights)


def _with_measures(table: Any, threshold: float) -> Any:
    import ibis

    is_score = table.kind == "score"
    whole_class = table.logged_text.fill_null("") != table.replayed_text.fill_null("")
    return table.mutate(
        absolute=table.moved.abs(),
        bias=table.moved,
        square=table.moved * table.moved,
        relative=ibis.ifelse(table.old != 0, table.moved.abs() / table.old.abs(), ibis.null("float64")),
        logged_bin=ibis.ifelse(is_score, _bin(table.old), ibis.null("int64")),
        replayed_bin=ibis.ifelse(is_score, _bin(table.new), ibis.null("int64")),
        crossed=is_score & ((table.old >= threshold) != (table.new >= threshold)),
        changed=ibis.cases((table.kind == "class", whole_class), (table.kind == "text", ~table.exact)),
        is_usable=ibis.cases(
            (table.kind == "class", table.logged_text.notnull() & table.replayed_text.notnull()),
            (table.kind == "text", table.exact.notnull()),
            (table.kind == "ranking", table.rbo.notnull()),
            else_=table.moved.notnull(),
        ),
    )


def _with_rights(table: Any, threshold: float) -> Any:
    """Add whether each answer agrees with the label; null without a label."""
    import ibis

    whole = table.label.cast("int64").cast("string")
    is_whole = (table.label.abs() < 2**53) & (table.label == table.label.floor())

    def right(answer: Any, score: Any) -> Any:
        of_number = ibis.ifelse(is_whole, (answer == whole) | (answer == whole.concat(".0")), ibis.null("boolean"))
        is_binary = table.label.isin([0.0, 1.0])
        of_score = ibis.ifelse(is_binary, (score >= threshold) == (table.label == 1.0), ibis.null("boolean"))
        return ibis.cases(
            (~table.is_usable, ibis.null("boolean")),
            (table.kind == "class", (answer == table.label_text).coalesce(of_number)),
            (table.kind == "score", of_score),
        )

    return table.mutate(
        logged_right=right(table.logged_text, table.old), replayed_right=right(table.replayed_text, table.new)
    )


def _bin(score: Any) -> Any:
    """Return the number of a score's bin. A score outside of 0 to 1 is in the first or last one."""
    return (score.clip(0.0, 1.0) * SCORE_BINS).floor().cast("int64").clip(0, SCORE_BINS - 1)
