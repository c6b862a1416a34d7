"""Validators of values that are written as text, and the JSON Schema of such values."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from functools import cache, lru_cache, partial
from typing import Any

from pydantic import BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError


def text_validator(read: Callable[[str], Any], kind: str, unit: str = "") -> BeforeValidator:
    """Make a validator of a function that reads text and raises ValueError with what to write instead.

    ``unit`` is what a bare number most likely lacks.
    """
    read = lru_cache(maxsize=1024)(read)  # the values of one repository are much alike

    def validate(value: object) -> Any:
        if not isinstance(value, str):
            told = {"kind": kind, "unit": unit, "words": _refusal(read, value, unit)}
            raise PydanticCustomError("not_text", "this is {kind}, and so is written as text", told)
        try:
            return read(value)
        except ValueError as error:
            raise PydanticCustomError("misspelled", "{words}", {"words": str(error)}) from None

    return BeforeValidator(validate)


def _refusal(read: Callable[[str], Any], value: object, unit: str) -> str:
    """Return what would still be wrong with a number or boolean in quotes, or with its unit; empty: nothing."""
    if not isinstance(value, bool | int | Decimal):
        return ""
    try:
        read(str(value).lower() if isinstance(value, bool) else f"{value}{unit}")
    except ValueError as error:
        return str(error)
    return ""


def _matching(pattern: str, words: str) -> Callable[[str], str]:
    compiled = cache(partial(re.compile, pattern))  # when it is first asked for

    def read(text: str) -> str:
        if not compiled().fullmatch(text):
            raise ValueError(words)
        return text

    return read


def string_field(pattern: str, words: str, kind: str, *, examples: list[str], description: str | None = None) -> Any:
    schema: dict[str, Any] = {
        "type": "string",
        "pattern": pattern,
        "description": description or words,
        "examples": examples,
        "errorMessage": words,
    }
    return text_validator(_matching(pattern, words), kind), WithJsonSchema(schema)


def read_number(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise PydanticCustomError("not_number", "this is a number, written in digits and without quotes")
    return Decimal(value)
