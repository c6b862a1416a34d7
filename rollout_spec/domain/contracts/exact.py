"""The comparison of JSON values by the rules of JSON Schema: 1.0 equals 1, true does not."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

_LARGEST = 10**15
_DIGITS = 15


def key(value: Any) -> str:
    """Return a text that two values share if, and only if, they are equal."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(name)}:{key(value[name])}" for name in sorted(value)) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(key, value)) + "]"
    if value is None or isinstance(value, bool | str):
        return json.dumps(value)
    if isinstance(value, int):
        text, exponent = str(value), 0
    else:
        sign, digits, power = value.as_tuple()
        text, exponent = f"{'-' if sign else ''}{''.join(map(str, digits)).lstrip('0')}", int(power)
    kept = text.rstrip("0")
    return f"{kept}e{exponent + len(text) - len(kept)}" if kept.strip("-") else "0"


def plain(number: int | Decimal) -> int | Decimal | None:
    """Return a number as every JSON reader reads it, a whole one as int. None if readers differ."""
    if not isinstance(number, Decimal):
        return number if -_LARGEST <= number <= _LARGEST else None
    if number.adjusted() > _DIGITS or number.adjusted() < -_DIGITS or len(number.as_tuple().digits) > _DIGITS:
        return 0 if number == 0 else None
    if number == number.to_integral_value():
        return plain(int(number))
    return number


def type_of(value: Any) -> str:
    """Return the type of a value, ``integer`` for whole numbers."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int) or (isinstance(value, Decimal) and value == value.to_integral_value()):
        return "integer"
    names = {str: "string", dict: "object", list: "array", type(None): "null"}
    return names.get(type(value), "number")
