"""The values that a user may write: each kind has one spelling, said once, for the models and for the JSON Schemas."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache, lru_cache, partial
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainValidator, WithJsonSchema
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from rollout_spec.core import units

LEAST_INTEGER, MOST_INTEGER = -(2**63), 2**63 - 1
"""What 64 bits hold: policies and Kubernetes take no more."""


class Model(BaseModel):
    """A mapping whose fields are all known: camelCase in YAML, strict, and never changed once read."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        defer_build=True,
        extra="forbid",
        frozen=True,
        protected_namespaces=(),
        strict=True,
    )


def _text(read: Callable[[str], Any], kind: str, unit: str = "") -> BeforeValidator:
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


def _string(pattern: str, words: str, kind: str, *, examples: list[str], description: str | None = None) -> Any:
    schema: dict[str, Any] = {
        "type": "string",
        "pattern": pattern,
        "description": description or words,
        "examples": examples,
        "errorMessage": words,
    }
    return _text(_matching(pattern, words), kind), WithJsonSchema(schema)


def _number(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise PydanticCustomError("not_number", "this is a number, written in digits and without quotes")
    return Decimal(value)


_name = _string(
    units.NAME,
    "a name has lower-case letters, digits and `-`, begins and ends with a letter or digit, "
    "and has at most 63 characters",
    "a name",
    examples=["fraud"],
)
_version = _string(
    units.VERSION, "a version has letters, digits, `.`, `_`, `+` and `-`", "a version", examples=["42", "1.10"]
)
_digest = _string(
    units.DIGEST, "a digest is `sha256:` and 64 lower-case hex digits", "a digest", examples=["sha256:" + "1" * 64]
)
_CLAUSE = r"(===?|~=|!=|<=?|>=?) *[A-Za-z0-9._+!*-]{1,128}"
_PIN = rf"^([A-Za-z0-9._+-]{{1,128}}|{_CLAUSE}( *, *{_CLAUSE}){{0,15}})$"
_HOST = (
    r"^(?=[a-z0-9.*-]{1,253}$)(\*\.)?[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?){0,126}$"
)

Name = Annotated[str, *_name]
Version = Annotated[str, *_version]
Digest = Annotated[str, *_digest]
Pin = Annotated[
    str,
    *_string(
        _PIN, 'a pin is an exact version (`"12"`) or a range (`">=1.4,<2"`)', "a pin", examples=["12", ">=1.4,<2"]
    ),
]
Host = Annotated[
    str,
    *_string(
        _HOST,
        "a host is a DNS name in lower case, of at most 253 characters: `fraud.ml.svc.cluster.local`",
        "a host name",
        examples=["fraud.ml.svc.cluster.local"],
    ),
]
HeaderName = Annotated[
    str,
    *_string(
        r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,256}$",
        "a header name has letters, digits and `-`: `x-model-arm`",
        "a header name",
        examples=["x-model-arm"],
    ),
]
HeaderValue = Annotated[
    str,
    *_string(
        r"^(?=[^\n]{1,4096}$)[^\n]*\S[^\n]*$",
        "a header's value is one line of at most 4,096 characters",
        "a header's value",
        examples=["challenger"],
    ),
]
Text = Annotated[
    str,
    *_string(
        r"^[^\n]*\S[^\n]*$",
        "this is one line of text",
        "text",
        examples=["…"],
        description="One line of text.",
    ),
]
Url = Annotated[
    str,
    *_string(
        r"""^https?://[^\s<>"'`{}|\\^]+$""",
        "a link begins with `https://` or `http://` and has no spaces",
        "a link",
        examples=["https://runbooks.example.com/fraud"],
    ),
]
Share = Annotated[
    Decimal,
    _text(units.parse_share, "a share", "%"),
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
        raise ValueError("routers split traffic to one in a million: a share of it has at most four decimals")
    return share


def _chance(text: str) -> Decimal:
    share = units.parse_share(text)
    if not 0 < share < 100:
        raise ValueError("this share lies strictly between 0% and 100%")
    return share


Split = Annotated[
    Decimal,
    _text(_split, "a share", "%"),
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
    _text(_chance, "a share", "%"),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^(?!0(\.0+)?%$)[1-9]?[0-9](\.[0-9]{1,12})?%$",
            "description": "A share strictly between 0% and 100%.",
            "examples": ["99%", "80%"],
            "errorMessage": "this share has its sign, and lies strictly between 0% and 100%: `99%`",
        }
    ),
]
Duration = Annotated[
    timedelta,
    _text(units.parse_duration, "a duration", "s"),
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
    _text(units.parse_time, "a time"),
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
MetricName = Annotated[
    str,
    *_string(
        r"^[a-zA-Z_][a-zA-Z0-9_]{0,99}$",
        "a metric's name has letters, digits and `_`",
        "a metric's name",
        examples=["error_rate", "auc"],
    ),
]
Quantity = Annotated[
    str,
    *_string(
        r"^[0-9]{1,18}(\.[0-9]{1,9})?(m|k|Ki|M|Mi|G|Gi|T|Ti|P|Pi|E|Ei)?$",
        'this is a Kubernetes quantity, in quotes: `"2"`, `500m`, `4Gi`',
        "a quantity",
        examples=["2", "500m", "4Gi"],
    ),
]
EnvName = Annotated[
    str,
    *_string(
        r"^[A-Za-z_][A-Za-z0-9_]{0,254}$",
        "an environment variable has letters, digits and `_`",
        "a variable's name",
        examples=["OMP_NUM_THREADS"],
    ),
]
Commit = Annotated[
    str,
    *_string(
        r"^[0-9a-f]{7,64}$",
        "a commit is 7 to 64 hex digits, in quotes",
        "a commit",
        examples=["6f1c0e5ad3c84d0f8d9bb1f6a5e2c741d3c84d0f"],
    ),
]
Ref = Annotated[
    str,
    *_string(
        r"^(?!.*(\.\.|//|\.lock$|/$|@\{))[A-Za-z0-9_][A-Za-z0-9._/@-]{0,199}$",
        "the name of a branch or remote has letters, digits, `.`, `_`, `/`, `@` and `-`, and no `..`",
        "a git name",
        examples=["origin", "main"],
    ),
]
Number = Annotated[Decimal, BeforeValidator(_number), WithJsonSchema({"type": "number"})]


@dataclass(frozen=True)
class Limit:
    """A bound of a metric: ``number`` is in percent where the user wrote a share, and as it is where not."""

    number: Decimal
    is_share: bool


def _limit(value: object) -> Limit:
    if isinstance(value, str):
        try:
            return Limit(units.parse_share(value), True)
        except ValueError as error:
            told = {"words": str(error), "hint": "for a metric that is no ratio, write a number without quotes"}
            raise PydanticCustomError("misspelled", "{words}", told) from None
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise PydanticCustomError("not_bound", "this is a share, or a number")
    return Limit(_number(value), False)


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
            "errorMessage": "this is a share with its sign (`5%`), or a number (`0.2`)",
        }
    ),
]
