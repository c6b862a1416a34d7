"""Validators of values that are written as text, and the JSON Schema of such values."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from functools import cache, lru_cache, partial
from typing import Any

from pydantic import BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

Suggest = Callable[[str], str | None]
"""Returns a hint for a text with the wrong format, or None."""


def text_validator(
    read: Callable[[str], Any], kind: str, unit: str = "", suggest: Suggest | None = None
) -> BeforeValidator:
    """Return a validator that calls a function on text.

    The function raises a ValueError with the expected format.

    ``unit`` is the unit that a bare number most likely lacks.
    """
    read = lru_cache(maxsize=1024)(read)  # many values of one repository are equal

    def validate(value: object) -> Any:
        if not isinstance(value, str):
            context = {"kind": kind, "unit": unit, "message": _remaining_problem(read, value, unit)}
            raise PydanticCustomError("not_text", "expected {kind}, which is text", context)
        try:
            return read(value)
        except ValueError as error:
            hint = suggest(value) if suggest is not None else None
            raise PydanticCustomError("misspelled", "{message}", {"message": str(error), "hint": hint}) from None

    return BeforeValidator(validate)


def _remaining_problem(read: Callable[[str], Any], value: object, unit: str) -> str:
    """Return the problem that a number or boolean has even in quotes or with its unit.

    The text is empty if there is none.
    """
    if not isinstance(value, bool | int | Decimal):
        return ""
    try:
        read(str(value).lower() if isinstance(value, bool) else f"{value}{unit}")
    except ValueError as error:
        return str(error)
    return ""


def _matching(pattern: str, message: str) -> Callable[[str], str]:
    compiled = cache(partial(re.compile, pattern))  # compiled at its first use

    def read(text: str) -> str:
        if not compiled().fullmatch(text):
            raise ValueError(message)
        return text

    return read


def string_field(
    pattern: str,
    message: str,
    kind: str,
    *,
    examples: list[str],
    description: str | None = None,
    suggest: Suggest | None = None,
) -> Any:
    schema: dict[str, Any] = {
        "type": "string",
        "pattern": pattern,
        "description": description or message,
        "examples": examples,
        "errorMessage": message,
    }
    return text_validator(_matching(pattern, message), kind, suggest=suggest), WithJsonSchema(schema)


def read_number(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise PydanticCustomError("not_number", "expected a number, in digits and without quotes")
    return Decimal(value)
