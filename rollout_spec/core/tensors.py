"""Tensors of JSON: those of the Open Inference Protocol, and lists of rows without a datatype."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rollout_spec.core.inference import Scalar, Tensor
from rollout_spec.core.text import excerpt

LONGEST_NAME = 200
"""The most characters of a tensor's name. It becomes the name of a column."""
_MOST_DIMENSIONS = 8
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
    convert = _converter(datatype, checked_name)
    if "data" not in value:
        raise TensorError(f"`{excerpt(checked_name)}` has no `data`; tensors in binary form are not read")
    if not isinstance(shape, list) or len(shape) > _MOST_DIMENSIONS or not all(map(_is_size, shape)):
        raise TensorError(f"`{excerpt(checked_name)}` has no `shape` of at most {_MOST_DIMENSIONS} sizes")
    flat = _flatten(value["data"])
    if len(flat) != math.prod(shape):
        sizes = " x ".join(map(str, shape)) or "1"
        raise TensorError(f"`{excerpt(checked_name)}` has {len(flat)} values, but its shape is {sizes}")
    return Tensor(checked_name, str(datatype), tuple(shape), convert(flat))


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
        return tuple(_inferred(f"{name}[{at}]", (shape[0],), flat[at::width]) for at in range(width))
    return (_inferred(name, shape, flat),)


def tensors_of_objects(rows: Sequence[object]) -> tuple[Tensor, ...]:
    """Return a tensor for each key of rows that are objects. A key that a row lacks is a missing value."""
    columns: dict[str, list[Any]] = {}
    for at, row in enumerate(rows):
        if not isinstance(row, Mapping):
            raise TensorError("some rows are objects, and some are not")
        for key, value in row.items():
            column = columns.setdefault(key, [None] * at)
            column.extend([None] * (at - len(column)))
            column.append(value)
    for column in columns.values():
        column.extend([None] * (len(rows) - len(column)))
    return tensors_of_columns(columns)


def tensors_of_columns(columns: Mapping[str, object]) -> tuple[Tensor, ...]:
    """Return a tensor for each column: a list of values, or one value if there is one row."""
    tensors = []
    for name, values in columns.items():
        check_name(name)
        rows = values if isinstance(values, list) else [values]
        shape, flat = _shape(rows), _flatten(rows)
        if len(flat) != math.prod(shape):
            raise TensorError(f"the rows of `{excerpt(name)}` differ in their lengths")
        tensors.append(_inferred(name, shape, flat))
    return tuple(tensors)


def check_name(name: object) -> str:
    """Return the name of a tensor. TensorError if it is missing or too long."""
    if not isinstance(name, str) or not name:
        raise TensorError("a tensor has no `name`")
    if len(name) > LONGEST_NAME:
        raise TensorError(f"the name `{excerpt(name)}` of a tensor has more than {LONGEST_NAME} characters")
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
    return Tensor(name, datatype, shape, _converter(datatype, name)(flat))


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
        if not any(isinstance(item, list) for item in flat):
            return flat
        if not all(isinstance(item, list) for item in flat):
            raise TensorError("some values of a tensor are lists, and some are not")
        flat = [inner for item in flat for inner in item]
    raise TensorError(f"a tensor has more than {_MOST_DIMENSIONS} dimensions")


def _converter(datatype: object, name: str) -> Callable[[list[Any]], list[Scalar]]:
    """Return the function that checks the values of a datatype."""
    if datatype in _FLOATS:
        return lambda values: [_float(value, name) for value in values]
    kind = bool if datatype == "BOOL" else int if datatype in _INTEGERS else str if datatype == "BYTES" else None
    if kind is None:
        shown = f"`{excerpt(datatype)}`" if isinstance(datatype, str) else "none"
        raise TensorError(f"`{excerpt(name)}` has an unknown datatype: {shown}")

    def check(values: list[Any]) -> list[Scalar]:
        for value in values:
            if type(value) is not kind and value is not None:
                raise TensorError(f"`{excerpt(name)}` is {datatype}, but has the value {_shown(value)}")
            if isinstance(value, int) and abs(value) >= _HIGHEST:
                raise TensorError(f"`{excerpt(name)}` has a number of more than 64 bits")
        return values

    return check


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
