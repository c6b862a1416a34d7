"""The values of a document in expressions: numbers, durations, times, null if absent."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from types import SimpleNamespace
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from rollout_spec.checks.policies.types import fields_of, is_split, options
from rollout_spec.spec.quantities import Limit

LONGEST_TEXT = 16_384
"""The most characters of a text in a variable, so that an evaluation takes seconds at most."""
LONGEST_SUMMAND = 1_024
"""The most characters of a text if an expression adds: each iteration may keep its sum in memory."""
MOST_ENTRIES = 2_500
"""The most entries of a list or mapping: the memory of a ``filter`` grows with their square."""

_Convert = Callable[[Any], Any]


class UnseenError(ValueError):
    """A value that exceeds the limits of policies."""


class CelDuration(timedelta):
    """A duration with the message type by which the engine recognizes it, also within mappings and lists."""

    DESCRIPTOR = SimpleNamespace(full_name="google.protobuf.Duration")


class CelTime(datetime):
    """A time with the message type by which the engine recognizes it."""

    DESCRIPTOR = SimpleNamespace(full_name="google.protobuf.Timestamp")


@lru_cache(maxsize=1024)
def duration(value: timedelta) -> CelDuration:
    """Convert a duration for expressions."""
    return CelDuration(value.days, value.seconds, value.microseconds)


def time(value: datetime) -> CelTime:
    """Convert an aware time for expressions."""
    utc = value.astimezone(UTC)
    return CelTime.combine(utc.date(), utc.time(), UTC)


def text(value: str) -> str:
    """Convert a text, which the engine would end at a NUL. Raise ``UnseenError`` if it is too long."""
    if len(value) > LONGEST_TEXT:
        raise UnseenError(f"a text has {len(value):,} characters; policies accept at most {LONGEST_TEXT:,}")
    return value.replace("\0", "\ufffd") if "\0" in value else value


def counted(items: Any) -> Any:
    """Return a list or a mapping unchanged. Raise ``UnseenError`` if it is too long."""
    if len(items) > MOST_ENTRIES:
        raise UnseenError(f"a list or mapping has {len(items):,} entries; policies accept at most {MOST_ENTRIES:,}")
    return items


def view(model: BaseModel) -> dict[str, Any]:
    """Convert a document for expressions: plain dicts and lists, with all fields of its model."""
    return _record(type(model), ())(model)  # type: ignore[no-any-return]


@lru_cache(maxsize=128)
def _record(model: type[BaseModel], siblings: tuple[str, ...]) -> _Convert:
    """Return a function that converts a model; ``siblings`` are fields of the other types in its union."""
    converters = [
        (name, alias, _converter(field.annotation), 0.0 if is_split(field.annotation) else None)
        for name, alias, field in fields_of(model)
    ]
    own_fields = {alias for _, alias, _, _ in converters}
    template = dict.fromkeys(alias for alias in siblings if alias not in own_fields)
    open_ended = model.model_config.get("extra") == "allow"

    def convert(value: BaseModel) -> dict[str, Any]:
        fields: dict[str, Any] = {**template}
        data = value.__dict__
        for name, alias, change, absent in converters:
            item = data[name]
            fields[alias] = absent if item is None else change(item) if change else item
        if open_ended:
            fields |= {text(key): plain(item) for key, item in (value.__pydantic_extra__ or {}).items()}
        return fields

    return convert


def _converter(annotation: Any) -> _Convert | None:
    """Return the converter of values of this type, or None if they need no conversion."""
    types, _ = options(annotation)
    if len(types) == 1:
        return _single(types[0])
    if not all(isinstance(each, type) and issubclass(each, BaseModel) for each in types):
        return plain
    aliases = tuple({alias: None for model in types for _, alias, _ in fields_of(model)})
    by_type = {model: _record(model, aliases) for model in types}
    return lambda value: by_type[type(value)](value)


def _single(annotation: Any) -> _Convert | None:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is list:
        each = _converter(arguments[0])
        return counted if each is None else lambda items: [each(item) for item in counted(items)]
    if origin is dict:
        change = _converter(arguments[1])
        return lambda items: {text(key): change(item) if change else item for key, item in counted(items).items()}
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return _record(annotation, ())
    if annotation is Any:
        return plain
    return _SCALARS.get(annotation)


_SCALARS: dict[Any, _Convert] = {
    str: text,
    Decimal: float,
    Limit: lambda limit: float(limit.number),
    timedelta: duration,
    datetime: time,
}


def plain(value: Any) -> Any:
    """Convert data without a model for expressions."""
    if isinstance(value, str):
        return text(value)
    if isinstance(value, dict):
        return {text(str(key)): plain(item) for key, item in counted(value).items()}
    if isinstance(value, list):
        return [plain(item) for item in counted(value)]
    return float(value) if isinstance(value, Decimal) else value


def longest(value: Any) -> int:
    """Return the length of the longest text in a converted value."""
    if isinstance(value, str):
        return len(value)
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return max(map(longest, items), default=0)
