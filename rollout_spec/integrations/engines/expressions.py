"""Expressions with the same answers on each engine.

DuckDB and Spark differ in approximate quantiles, hash functions, the division of integers, and the text of a number.
So these use exact comparisons, MD5 and sums of integers. Only sums of doubles depend on the order of rows, in their
last digits.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from rollout_spec.core.drift import RowFilter

LONGEST_TEXT = 200
"""The first characters of a text that are compared."""


def rows_of(table: Any, rows: RowFilter) -> Any:
    """Return the rows of a version and a time."""
    import ibis

    if rows.version is not None:
        table = table.filter(table.version == rows.version)
    if rows.since is not None:
        table = table.filter(table.time >= ibis.literal(rows.since, type="timestamp('UTC')"))
    if rows.until is not None:
        table = table.filter(table.time < ibis.literal(rows.until, type="timestamp('UTC')"))
    return table


def number(column: Any) -> Any:
    """Return a column as doubles. NaN is null: the engines agree about nulls alone."""
    import ibis

    column = column.cast("float64")
    return ibis.ifelse(column.isnan(), ibis.null("float64"), column)


def text(column: Any) -> Any:
    """Return a column as texts of at most `LONGEST_TEXT` characters."""
    import ibis

    if column.type().is_boolean():
        return ibis.cases((column, "true"), (~column, "false"))
    return column.left(LONGEST_TEXT)


def is_text(column: Any) -> bool:
    """Return whether a column holds texts or truth values."""
    kind = column.type()
    return bool(kind.is_string() or kind.is_boolean())


def count_of(condition: Any) -> Any:
    """Return the number of rows in which a condition is true; null is not true."""
    return condition.cast("int64").sum().coalesce(0)


def is_finite(column: Any) -> Any:
    """Return a condition: the number is not infinite."""
    return column.abs() < float("inf")


def sampled(table: Any, size: int, total: int) -> Any:
    """Return about ``size`` of the ``total`` rows: those with the smallest MD5 of total, request and row.

    The same rows give the same sample on each engine. A table of at most ``size`` rows is returned whole. A caller may
    choose the id of a request, but does not know the total, and so cannot choose the sample.
    """
    import ibis

    if total <= size:
        return table
    limit = f"{int(size / total * 16**8):08x}"
    key = ibis.literal(f"{total}/").concat(table.request_id.coalesce(""), "/", table.row.coalesce(0).cast("string"))
    return table.filter(key.hexdigest("md5").left(8) < limit)


def batches(names: Sequence[str], size: int) -> Iterator[list[str]]:
    """Yield the names in lists of at most ``size``."""
    iterator = iter(names)
    while batch := list(islice(iterator, size)):
        yield batch


def first_row(expression: Any) -> dict[str, Any]:
    """Run a query and return its only row."""
    return dict(expression.to_pyarrow().to_pylist()[0])
