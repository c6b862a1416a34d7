"""JSON bodies of requests, read strictly and within bounds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from rollout_spec.core.errors import UserError
from rollout_spec.core.text import excerpt

MOST_BYTES = 8 * 1024 * 1024
MOST_ALERTS = 10_000
_DEEPEST = 64
_LONGEST_NUMBER = 300
_UNICODE = frozenset(("utf-8", "utf8", "us-ascii", "ascii"))


def read_json(content: bytes, *, hint: str | None = None) -> Any:
    """Return the value of a JSON body in UTF-8. UserError if it is invalid, too large or too deep.

    An object with a key twice, and a number that is none (NaN) or has very many digits, are read as null: an alert with
    one does not hide the others.
    """
    if len(content) > MOST_BYTES:
        raise UserError(f"the payload has {len(content):,} bytes, more than the limit of {MOST_BYTES:,}")
    try:
        value = json.loads(
            content.decode("utf-8-sig"), parse_constant=_none, parse_int=_number, object_pairs_hook=_unambiguous
        )
    except UnicodeDecodeError as error:
        raise UserError(f"the payload is not JSON in UTF-8: byte {error.start + 1} is invalid", hint=hint) from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"the payload is not JSON: {error}", hint=hint) from None
    if is_deeper(value, _DEEPEST):
        raise UserError(f"the payload has more than {_DEEPEST} levels", hint=hint)
    return value


def read_object(content: bytes, *, hint: str | None = None) -> dict[str, Any]:
    """Return the object of a JSON body. UserError if it is none, or has a key twice."""
    value = read_json(content, hint=hint)
    if not isinstance(value, dict):
        raise UserError("the payload is not a JSON object with each key once", hint=hint)
    return value


def check_count(alerts: list[Any]) -> None:
    """Raise UserError if a payload has too many alerts."""
    if len(alerts) > MOST_ALERTS:
        raise UserError(f"the payload has {len(alerts):,} alerts, more than the limit of {MOST_ALERTS:,}")


def lower_names(headers: Mapping[str, str]) -> dict[str, str]:
    """Return headers by their names in lower case."""
    return {name.lower(): value for name, value in headers.items()}


def media_type(headers: Mapping[str, str]) -> str:
    """Return the media type of a body in lower case, or empty. UserError if its charset is not UTF-8."""
    kind, *parameters = headers.get("content-type", "").split(";")
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        charset = value.strip().strip('"').lower()
        if name.strip().lower() == "charset" and charset not in _UNICODE:
            raise UserError(f"the payload has the charset {excerpt(charset)}, not UTF-8", hint="send UTF-8")
    return kind.strip().lower()


def is_deeper(value: Any, limit: int) -> bool:
    """Return whether a value has more levels than the limit."""
    level = [value]
    for _ in range(limit):
        level = [
            child
            for each in level
            if isinstance(each, dict | list)
            for child in (each.values() if isinstance(each, dict) else each)
        ]
        if not level:
            return False
    return True


def _unambiguous(pairs: list[tuple[str, Any]]) -> dict[str, Any] | None:
    value = dict(pairs)
    return value if len(value) == len(pairs) else None


def _number(digits: str) -> int | None:
    return int(digits) if len(digits) <= _LONGEST_NUMBER else None


def _none(_constant: str) -> None:
    return None
