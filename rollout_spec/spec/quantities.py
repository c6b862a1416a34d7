"""Field types of shares, durations, times, numbers and bounds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated

from pydantic import BeforeValidator, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from rollout_spec.core import units
from rollout_spec.spec.validators import read_number, text_validator

Share = Annotated[
    Decimal,
    text_validator(units.parse_share, "a share", "%"),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^(100(\.0{1,12})?|[1-9]?[0-9](\.[0-9]{1,12})?)%$",
            "description": "A share with its sign, 0% to 100%.",
            "examples": ["5%", "0.5%"],
            "errorMessage": "a share has its sign, 0% to 100%: `5%`",
        }
    ),
]
_FINEST_SPLIT = Decimal("0.0001")


def _split(text: str) -> Decimal:
    share = units.parse_share(text)
    if share % _FINEST_SPLIT:
        raise ValueError("a share of traffic has at most four decimals, because routers split to one in a million")
    return share


def _chance(text: str) -> Decimal:
    share = units.parse_share(text)
    if not 0 < share < 100:
        raise ValueError("expected a share strictly between 0% and 100%")
    return share


Split = Annotated[
    Decimal,
    text_validator(_split, "a share", "%"),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^(100(\.0{1,12})?|[1-9]?[0-9](\.[0-9]{1,4}0{0,8})?)%$",
            "description": "A share of traffic, 0% to 100%.",
            "examples": ["5%", "0.5%"],
            "errorMessage": "a share of traffic has its sign, 0% to 100%, and at most four decimals: `5%`",
        }
    ),
]
Chance = Annotated[
    Decimal,
    text_validator(_chance, "a share", "%"),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^(?!0(\.0+)?%$)[1-9]?[0-9](\.[0-9]{1,12})?%$",
            "description": "A share strictly between 0% and 100%.",
            "examples": ["99%", "80%"],
            "errorMessage": "expected a share with its sign, strictly between 0% and 100%: `99%`",
        }
    ),
]
Duration = Annotated[
    timedelta,
    text_validator(units.parse_duration, "a duration", "s", units.duration_hint),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": units.DURATION,
            "description": "A duration with units, the largest first.",
            "examples": ["30s", "15m", "48h", "7d", "1h30m"],
            "errorMessage": "a duration has units, the largest first: `30s`, `15m`, `1h30m`",
        }
    ),
]
Time = Annotated[
    datetime,
    text_validator(units.parse_time, "a time"),
    WithJsonSchema(
        {
            "type": "string",
            "format": "date-time",
            "pattern": units.TIME,
            "description": "RFC 3339, with a zone.",
            "examples": ["2026-11-20T10:15:00Z"],
            "errorMessage": "a time is RFC 3339 with a zone: `2026-11-20T10:15:00Z`",
        }
    ),
]
Number = Annotated[Decimal, BeforeValidator(read_number), WithJsonSchema({"type": "number"})]


@dataclass(frozen=True)
class Limit:
    """A bound of a metric. ``number`` is in percent if ``is_share``."""

    number: Decimal
    is_share: bool


def _limit(value: object) -> Limit:
    if isinstance(value, str):
        try:
            return Limit(units.parse_share(value), True)
        except ValueError as error:
            hint = "for a metric that is not a ratio, write a number without quotes"
            raise PydanticCustomError("misspelled", "{message}", {"message": str(error), "hint": hint}) from None
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise PydanticCustomError("not_bound", "expected a share, or a number")
    return Limit(read_number(value), False)


Bound = Annotated[
    Limit,
    PlainValidator(_limit),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": r"^(100(\.0{1,12})?|[1-9]?[0-9](\.[0-9]{1,12})?)%$"},
                {"type": "number"},
            ],
            "description": "A share (`5%`) for a metric that is a ratio, a number (`0.2`) for one that is a value.",
            "examples": ["5%", 0.2],
            "errorMessage": "expected a share with its sign (`5%`), or a number (`0.2`)",
        }
    ),
]
