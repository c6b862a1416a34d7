"""Columns of the analysis table: names, kinds, and the values of a chunk of rows."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from rollout_spec.core.inference import InferenceRecord, Scalar, Tensor
from rollout_spec.core.tensors import scalar_text

Kind = Literal["number", "text", "bool"]
MOST_COLUMNS = 512
"""The most columns of inputs, and of outputs."""
LONGEST_VALUE = 1000
"""The most characters of a text in the table. A longer one is cut and gets a digest."""
_KINDS: Mapping[type, Kind] = {int: "number", float: "number", bool: "bool", str: "text"}
_PREFERRED: tuple[Kind, ...] = ("number", "text", "bool")


def row_count(record: InferenceRecord) -> int:
    """Return the number of rows of a request: the first dimension of its first output, else input.

    A tensor without values has none: its shape could name any number.
    """
    for tensor in (*record.outputs[:1], *record.inputs[:1]):
        return 0 if not tensor.data else tensor.shape[0] if tensor.shape else 1
    return 1


def column_names(name: str, width: int) -> tuple[str, ...]:
    """Return the names of columns: `x` for one value in each row, else `x[0]`, `x[1]` and so on."""
    return (name,) if width == 1 else tuple(f"{name}[{at}]" for at in range(width))


class Chunk:
    """Rows that are not written yet, by column. ``size`` is about their number of bytes."""

    def __init__(self) -> None:
        self.rows = 0
        self.size = 0
        self.columns: dict[str, list[Any]] = {}

    def add(self, name: str, values: Sequence[Any]) -> None:
        """Append the values of the rows behind the last complete one. Rows in between have no value."""
        column = self.columns.get(name)
        if column is None:
            column = self.columns[name] = []
        if len(column) < self.rows:
            column.extend([None] * (self.rows - len(column)))
        column.extend(values)

    def values(self, name: str) -> list[Any]:
        """Return the values of all rows of a column."""
        column = self.columns.get(name, [])
        return [*column, *[None] * (self.rows - len(column))]


def size_of(tensor: Tensor) -> int:
    """Return about the number of bytes of a tensor's values."""
    if tensor.datatype != "BYTES":
        return 8 * len(tensor.data)
    return sum(len(value) if isinstance(value, str) else 8 for value in tensor.data)


def kind_of(values: Sequence[Scalar]) -> Kind | None:
    """Return the kind that most values have, None if all are missing."""
    kinds = [_KINDS[type(value)] for value in values if value is not None]
    if not kinds:
        return None
    return max(_PREFERRED, key=kinds.count)


def convert(values: Sequence[Scalar], kind: Kind) -> tuple[list[Any], int, int]:
    """Return values as one kind, the number of misfits, which become missing, and of cut texts."""
    if kind == "text":
        texts = [None if value is None else scalar_text(value) for value in values]
        long = sum(value is not None and len(value) > LONGEST_VALUE for value in texts)
        return [shorten(text) for text in texts] if long else texts, 0, long
    fitting = (bool,) if kind == "bool" else (int, float, bool)
    misfits = sum(value is not None and not isinstance(value, fitting) for value in values)
    if misfits:
        values = [value if isinstance(value, fitting) else None for value in values]
    return (
        [None if value is None else float(value) for value in values] if kind == "number" else list(values),
        misfits,
        0,
    )


def shorten(value: str | None) -> str | None:
    """Cut a long text, and end it with a digest, so that different texts stay different."""
    if value is None or len(value) <= LONGEST_VALUE:
        return value
    return f"{value[: LONGEST_VALUE - 17]}…{hashlib.blake2b(value.encode(), digest_size=8).hexdigest()}"
