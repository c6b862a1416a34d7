"""An expression sees documents as the numbers, durations and times that they mean, and null where nothing is said."""

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
"""Characters of the longest text that an expression may look at: what it costs is a matter of seconds at most."""
LONGEST_SUMMAND = 1_024
"""Characters of the longest text where an expression adds: each turn of a loop may keep what it added in memory."""
MOST_ENTRIES = 2_500
"""Entries of the longest list or mapping: a ``filter`` takes memory by the square of what it goes through."""

_Convert = Callable[[Any], Any]


class Unseen(ValueError):
    """Something that no expression may look at."""


class CelDuration(timedelta):
    """A duration that the engine knows as one within mappings and lists too: it asks objects for their message type."""

    DESCRIPTOR = SimpleNamespace(full_name="google.protobuf.Duration")


class CelTime(datetime):
    """A time that the engine knows as one."""

    DESCRIPTOR = SimpleNamespace(full_name="google.protobuf.Timestamp")


@lru_cache(maxsize=1024)
def duration(value: timedelta) -> CelDuration:
    """Turn a duration into one that an expression sees."""
    return CelDuration(value.days, value.seconds, value.microseconds)


def time(value: datetime) -> CelTime:
    """Turn an aware time into one that an expression sees."""
    there = value.astimezone(UTC)
    return CelTime.combine(there.date(), there.time(), UTC)


def text(value: str) -> str:
    """Turn a text into one that an expression sees. ``Unseen`` where it is too long; the engine ends one at a NUL."""
    if len(value) > LONGEST_TEXT:
        raise Unseen(f"a text has {len(value):,} characters, and policies look at {LONGEST_TEXT:,} at most")
    return value.replace("\0", "\ufffd") if "\0" in value else value


def counted(items: Any) -> Any:
    """Return a list or a mapping as it is. ``Unseen`` where it is too long."""
    if len(items) > MOST_ENTRIES:
        raise Unseen(f"a list or mapping has {len(items):,} entries, and policies look at {MOST_ENTRIES:,} at most")
    return items


def view(model: BaseModel) -> dict[str, Any]:
    """Return what an expression sees of a document: plain dicts and lists, all fields of its model there."""
    return _record(type(model), ())(model)  # type: ignore[no-any-return]


@lru_cache(maxsize=128)
def _record(model: type[BaseModel], siblings: tuple[str, ...]) -> _Convert:
    """Make the function that turns a model into a dict; ``siblings`` are fields of the other types in its union."""
    own = [
        (name, alias, _converter(field.annotation), 0.0 if is_split(field.annotation) else None)
        for name, alias, field in fields_of(model)
    ]
    known = {alias for _, alias, _, _ in own}
    template = dict.fromkeys(alias for alias in siblings if alias not in known)
    open_ended = model.model_config.get("extra") == "allow"

    def convert(value: BaseModel) -> dict[str, Any]:
        seen: dict[str, Any] = {**template}
        there = value.__dict__
        for name, alias, change, absent in own:
            found = there[name]
            seen[alias] = absent if found is None else change(found) if change else found
        if open_ended:
            seen |= {text(key): plain(item) for key, item in (value.__pydantic_extra__ or {}).items()}
        return seen

    return convert


def _converter(annotation: Any) -> _Convert | None:
    """Return what turns a value of this type into what an expression sees; None where it is that already."""
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
    """Turn what was written, of no model, into what an expression sees."""
    if isinstance(value, str):
        return text(value)
    if isinstance(value, dict):
        return {text(str(key)): plain(item) for key, item in counted(value).items()}
    if isinstance(value, list):
        return [plain(item) for item in counted(value)]
    return float(value) if isinstance(value, Decimal) else value


def longest(seen: Any) -> int:
    """Return how many characters the longest text has in what an expression sees."""
    if isinstance(seen, str):
        return len(seen)
    inside = seen.values() if isinstance(seen, dict) else seen if isinstance(seen, list) else ()
    return max(map(longest, inside), default=0)
