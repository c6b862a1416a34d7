"""Tensors of JSON: those of the Open Inference Protocol, and lists of rows without a datatype."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from rollout_spec.core.inference import Scalar, Tensor
from rollout_spec.core.text import excerpt

LONGEST_NAME = 200
"""The most characters of a tensor's name. It becomes the name of a column."""
MOST_TENSORS = 10_000
"""The most tensors of a request, or of an answer."""
MOST_ROWS = 100_000
"""The most rows of a request. Each costs memory for every column."""
_MOST_DIMENSIONS = 8
_MOST_CELLS = 8_000_000
_INTEGERS = frozenset(f"{sign}INT{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64))
_FLOATS = frozenset(("FP16", "BF16", "FP32", "FP64"))
_NOT_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_HIGHEST = 2**64
_LARGEST = 10**308
_DATATYPES: Mapping[type, str] = {bool: "BOOL", int: "INT64", float: "FP64", str: "BYTES"}


class TensorError(ValueError):
    """JSON that is not a tensor. The text says the reason."""


def read_tensor(value: object) -> Tensor:
    """Return a tensor of the Open Inference Protocol from its JSON. TensorError if it is not one."""
    if not isinstance(value, Mapping):
        raise TensorError("a tensor is not an object")
    name, datatype, shape = value.get("name"), value.get("datatype"), value.get("shape")
    checked_name = check_name(name)
    if "data" not in value:
        raise TensorError(f"`{excerpt(checked_name)}` has no `data`; tensors in binary form are not read")
    if not isinstance(shape, list) or len(shape) > _MOST_DIMENSIONS or not all(map(_is_size, shape)):
        raise TensorError(f"`{excerpt(checked_name)}` has no `shape` of at most {_MOST_DIMENSIONS} sizes")
    flat = _flatten(value["data"])
    if len(flat) != math.prod(shape):
        sizes = " x ".join(map(str, shape)) or "1"
        raise TensorError(f"`{excerpt(checked_name)}` has {len(flat)} values, but its shape is {sizes}")
    return Tensor(checked_name, str(datatype), tuple(shape), _converted(flat, datatype, checked_name))


def tensor_of_rows(name: str, value: object) -> tuple[Tensor, ...]:
    """Return the tensors of a list with one element for each row. TensorError if its shape is not regular.

    A list of numbers, texts or lists is one tensor. Rows that mix numbers and texts are a tensor for each column
    (``name[0]``, ``name[1]``), and rows that are objects a tensor for each key.
    """
    check_name(name)
    if not isinstance(value, list):
        raise TensorError(f"`{excerpt(name)}` is not a list of rows")
    if any(isinstance(row, Mapping) for row in value):
        return tensors_of_objects(value)
    shape = _shape(value)
    flat = _flatten(value)
    if len(flat) != math.prod(shape):
        raise TensorError(f"the rows of `{excerpt(name)}` differ in their lengths")
    if len(_datatypes(flat)) > 1 and len(shape) == 2:
        width = shape[1]
        _check_count(width)
        return tuple(_inferred(f"{name}[{at}]", (shape[0],), flat[at::width]) for at in range(width))
    return (_inferred(name, shape, flat),)


def tensors_of_objects(rows: Sequence[object]) -> tuple[Tensor, ...]:
    """Return a tensor for each key of rows that are objects. A key that a row lacks is a missing value."""
    columns: dict[str, list[Any]] = {}
    for at, row in enumerate(rows):
        if not isinstance(row, Mapping):
            raise TensorError("some rows are objects, and some are not")
        for key, value in row.items():
            column = columns.setdefault(key, [])
            column.extend([None] * (at - len(column)))
            column.append(value)
        if len(columns) * (at + 1) > _MOST_CELLS:
            raise TensorError(f"the rows have more than {_MOST_CELLS:,} values, if the missing ones count")
    for column in columns.values():
        column.extend([None] * (len(rows) - len(column)))
    return tensors_of_columns(columns)


def tensors_of_columns(columns: Mapping[str, object]) -> tuple[Tensor, ...]:
    """Return a tensor for each column: a list of values, or one value if there is one row."""
    _check_count(len(columns))
    tensors = []
    for name, values in columns.items():
        check_name(name)
        rows = values if isinstance(values, list) else [values]
        shape, flat = _shape(rows), _flatten(rows)
        if len(flat) != math.prod(shape):
            raise TensorError(f"the rows of `{excerpt(name)}` differ in their lengths")
        tensors.append(_inferred(name, shape, flat))
    return tuple(tensors)


def _check_count(tensors: int) -> None:
    if tensors > MOST_TENSORS:
        raise TensorError(f"it has {tensors:,} tensors or columns, more than the limit of {MOST_TENSORS:,}")


def check_name(name: object) -> str:
    """Return the name of a tensor. TensorError if it is missing, too long or has a NUL."""
    if not isinstance(name, str) or not name:
        raise TensorError("a tensor has no `name`")
    if len(name) > LONGEST_NAME:
        raise TensorError(f"the name `{excerpt(name)}` of a tensor has more than {LONGEST_NAME} characters")
    if "\0" in name:  # DuckDB would end the name there
        raise TensorError(f"the name `{excerpt(name)}` of a tensor has a NUL")
    return name


def _datatypes(values: list[Any]) -> set[str]:
    """Return the datatypes of values that have none. Whole numbers among others count as those."""
    types = {type(value) for value in values} - {type(None)}
    if not types <= {bool, int, float, str}:
        raise TensorError("a value of a tensor is an object")
    if {int, float} <= types or (int in types and any(_is_huge(value) for value in values)):
        types = (types - {int}) | {float}
    return {_DATATYPES[known] for known in types}


def _inferred(name: str, shape: tuple[int, ...], flat: list[Any]) -> Tensor:
    datatypes = _datatypes(flat) or {"FP64"}
    datatype = datatypes.pop() if len(datatypes) == 1 else "BYTES"
    if datatype == "BYTES":
        flat = [value if isinstance(value, str) or value is None else scalar_text(value) for value in flat]
    return Tensor(name, datatype, shape, _converted(flat, datatype, name))


def scalar_text(value: Scalar) -> str:
    """Return a value as text: the number 1.0 as `1`, and true as `true`. A class is compared in this form."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return "" if value is None else str(value)


def _is_huge(value: object) -> bool:
    return isinstance(value, int) and not -(2**63) <= value < 2**63


def _is_size(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _HIGHEST


def _shape(value: list[Any]) -> tuple[int, ...]:
    shape = []
    level: object = value
    while isinstance(level, list):
        shape.append(len(level))
        level = level[0] if level else None
    return tuple(shape)


def _flatten(value: object) -> list[Any]:
    """Return the values of nested lists in row-major order."""
    flat: list[Any] = value if isinstance(value, list) else [value]
    for _ in range(_MOST_DIMENSIONS):
        types = set(map(type, flat))
        if list not in types:
            return flat
        if len(types) > 1:
            raise TensorError("some values of a tensor are lists, and some are not")
        flat = [inner for item in flat for inner in item]
    raise TensorError(f"a tensor has more than {_MOST_DIMENSIONS} dimensions")


def _converted(values: list[Any], datatype: object, name: str) -> list[Scalar]:
    """Return values of a datatype. TensorError if one does not fit it."""
    types = set(map(type, values)) - {type(None)}
    if not isinstance(datatype, str):
        raise TensorError(f"`{excerpt(name)}` has no `datatype`")
    if datatype in _FLOATS:
        return values if types <= {float} else [_float(value, name) for value in values]
    kind = bool if datatype == "BOOL" else int if datatype in _INTEGERS else str if datatype == "BYTES" else None
    if kind is None:
        raise TensorError(f"`{excerpt(name)}` has an unknown datatype: `{excerpt(datatype)}`")
    if not types <= {kind}:
        wrong = next(value for value in values if value is not None and type(value) is not kind)
        raise TensorError(f"`{excerpt(name)}` is {datatype}, but has the value {_shown(wrong)}")
    if kind is int and any(value is not None and abs(value) >= _HIGHEST for value in values):
        raise TensorError(f"`{excerpt(name)}` has a number of more than 64 bits")
    return values


def _float(value: Any, name: str) -> float | None:
    if type(value) is float or value is None:
        return value
    if type(value) is int:
        return float(value) if abs(value) < _LARGEST else math.copysign(math.inf, 1 if value > 0 else -1)
    if isinstance(value, str) and value in _NOT_FINITE:
        return _NOT_FINITE[value]
    raise TensorError(f"`{excerpt(name)}` holds numbers, but has the value {_shown(value)}")


def _shown(value: object) -> str:
    if isinstance(value, str):
        return f"`{excerpt(value)}`"
    return f"`{scalar_text(value)}`" if isinstance(value, bool | int | float) else "of an object"
