"""The reader of JSON Schemas.

They are data from outside, so their size and the types of their parts are checked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from rollout_spec.core.findings import KeyPath, Span
from rollout_spec.core.text import excerpt

Schema = bool | dict[str, Any]

TYPES = frozenset({"array", "boolean", "integer", "null", "number", "object", "string"})
MAX_BYTES = 1024 * 1024
MAX_DEPTH = 64
_WHOLE = 40


class NotASchema(ValueError):
    """The file is not a JSON Schema.

    ``path`` is the place in the schema, or ``span`` in a file that is not JSON.
    """

    def __init__(self, message: str, path: KeyPath = (), span: Span | None = None) -> None:
        super().__init__(message)
        self.path = path
        self.span = span


def read_schema(content: bytes) -> Schema:
    """Read one JSON Schema. NotASchema if it is not one."""
    if len(content) > MAX_BYTES:
        raise NotASchema("this contract is longer than 1 MiB")
    try:
        data = json.loads(
            content.decode("utf-8-sig"), parse_float=_number, parse_constant=_refuse, object_pairs_hook=_unique
        )
    except json.JSONDecodeError as error:
        at = Span(error.lineno, error.colno, error.lineno, error.colno + 1)
        raise NotASchema(f"this is not JSON: {error.msg[:1].lower()}{error.msg[1:]}", span=at) from None
    except UnicodeDecodeError:
        raise NotASchema("this is not UTF-8 text") from None
    except RecursionError:
        raise NotASchema(f"this is more than {MAX_DEPTH} levels deep") from None
    except ValueError as error:
        raise NotASchema(excerpt(str(error))) from None
    for path, schema in _schemas(data):
        _check_parts(schema, path)
    return data  # type: ignore[no-any-return]


def _number(text: str) -> int | Decimal:
    """Read a number exactly. 2.0 is an integer, by the rules of JSON Schema."""
    try:
        number = Decimal(text)
    except ArithmeticError:
        raise ValueError(f"the exponent of {excerpt(text)} is too large") from None
    is_whole = -_WHOLE < number.adjusted() < _WHOLE and number == number.to_integral_value()
    return int(number) if is_whole else number


def _refuse(text: str) -> Any:
    raise ValueError(f"{text} is not a number")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for key, value in pairs:
        if key in data:
            raise ValueError(f"`{excerpt(key)}` is in one object twice")
        data[key] = value
    return data


def _schemas(data: Any, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Any]]:
    """Give a schema and all schemas in it."""
    if len(path) > MAX_DEPTH:
        raise NotASchema(f"this is more than {MAX_DEPTH} levels deep")
    yield path, data
    if not isinstance(data, dict):
        return
    for key in ("additionalProperties", "items"):
        if key in data and not (key == "items" and isinstance(data[key], list)):  # a tuple, before 2020-12
            yield from _schemas(data[key], (*path, key))
    for key in ("properties", "$defs", "definitions"):
        if isinstance(data.get(key), dict):
            for name, part in data[key].items():
                yield from _schemas(part, (*path, key, name))


def _is_count(value: Any) -> bool:
    is_whole = isinstance(value, int) or (isinstance(value, Decimal) and value == value.to_integral_value())
    return is_whole and not isinstance(value, bool) and value >= 0


def _is_number(value: Any) -> bool:
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


def _is_limit(value: Any) -> bool:
    return _is_number(value) or isinstance(value, bool)  # a boolean in draft 4


def _are_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def _is_type(value: Any) -> bool:
    return value in TYPES if isinstance(value, str) else _are_names(value) and bool(value) and set(value) <= TYPES


_PARTS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "type": (_is_type, f"one of {', '.join(sorted(TYPES))}, or a list of them"),
    "required": (_are_names, "a list of names"),
    "properties": (lambda value: isinstance(value, dict), "a mapping of names to schemas"),
    "$defs": (lambda value: isinstance(value, dict), "a mapping of names to schemas"),
    "definitions": (lambda value: isinstance(value, dict), "a mapping of names to schemas"),
    "enum": (lambda value: isinstance(value, list), "a list of values"),
    "pattern": (lambda value: isinstance(value, str), "a regular expression"),
    "$ref": (lambda value: isinstance(value, str), "the name of a schema"),
    "uniqueItems": (lambda value: isinstance(value, bool), "true or false"),
    "multipleOf": (lambda value: _is_number(value) and value > 0, "a number above 0"),
    **dict.fromkeys(("minimum", "maximum"), (_is_number, "a number")),
    **dict.fromkeys(("exclusiveMinimum", "exclusiveMaximum"), (_is_limit, "a number")),
    **dict.fromkeys(
        ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"),
        (_is_count, "a whole number of 0 or more"),
    ),
}


def _check_parts(schema: Any, path: KeyPath) -> None:
    if isinstance(schema, bool):
        return
    if not isinstance(schema, dict):
        raise NotASchema("this is not an object, true or false", path)
    for key, (fits, expected) in _PARTS.items():
        if key in schema and not fits(schema[key]):
            raise NotASchema(f"`{key}` at {pointer(path)} is not {expected}", (*path, key))


def pointer(path: KeyPath) -> str:
    """Return a path as a printable JSON pointer: ``/properties/a~1b``. ``/`` is the whole schema."""
    return "/" + "/".join(excerpt(re.sub("/", "~1", str(step).replace("~", "~0"))) for step in path)
