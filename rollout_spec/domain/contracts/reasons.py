"""The reasons why a schema refuses an instance, each with its place in the schema."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any, cast

from jsonschema.exceptions import ValidationError

from rollout_spec.core.findings import KeyPath
from rollout_spec.core.text import excerpt
from rollout_spec.domain.contracts.exact import type_of
from rollout_spec.domain.contracts.patterns import is_portable

Reason = tuple[KeyPath, str]

_OTHERS = {
    "anyOf": "this fits none of the alternatives now",
    "oneOf": "this fits none of the alternatives now, or several",
    "not": "what is described here is refused now",
    "contains": "a list without such an entry is refused now",
    "uniqueItems": "an entry that is there twice is refused now",
    "unevaluatedProperties": "fields that are not listed are refused now",
    "unevaluatedItems": "entries that are not listed are refused now",
}


def reasons(errors: Iterable[ValidationError], names: Collection[str]) -> list[Reason]:
    """Return the reasons of errors. ``names`` are the fields that the old schema knows."""
    unique = {reason: None for error in errors for reason in _reasons(error, names)}
    return sorted(unique, key=lambda reason: [len(reason[0]), *map(str, reason[0]), reason[1]])


def _reasons(error: ValidationError, names: Collection[str]) -> Iterator[Reason]:
    path: KeyPath = tuple(error.absolute_schema_path)
    keyword, instance = str(error.validator), error.instance
    value: Any = error.validator_value
    if keyword == "None" or (keyword == "items" and value is False):
        yield path, "nothing is accepted any more"
    elif keyword == "additionalProperties":
        yield from _unlisted(path, instance, cast("dict[str, Any]", error.schema), names)
    elif keyword in ("enum", "const"):
        yield path, f"{_shown(instance)} is refused now"
    elif keyword == "type":
        yield path, _of_type(value, instance)
    elif keyword in _LIMITS:
        yield path, _LIMITS[keyword](value)
    elif keyword == "required":
        missing = next((name for name in value if error.message == f"{name!r} is a required property"), "")
        yield path, f"`{excerpt(missing)}` is required now"
    elif keyword == "dependentRequired":
        yield path, "a field beside others is required now"
    else:
        yield path, _OTHERS.get(keyword, "this is refused now")


def _unlisted(path: KeyPath, instance: Any, schema: Any, names: Collection[str]) -> Iterator[Reason]:
    """Give a reason for each removed field, or one reason for all if others are refused too."""
    patterns = schema.get("patternProperties", {})
    extra = [name for name in instance if name not in schema.get("properties", {})]
    gone = [name for name in extra if name in names]
    if len(gone) < len(extra) or any(map(is_portable, patterns)):
        yield path, "fields that are not listed are refused now"
        return
    yield from (((*path[:-1], "properties", name), "this field is refused now") for name in gone)


def _of_type(types: Any, instance: Any) -> str:
    kind = type_of(instance)
    if kind == "number" and "integer" in ([types] if isinstance(types, str) else types):
        return "a `number` that is no integer is refused now"
    return f"`{kind}` is refused now"


def _count(few: bool, noun: str) -> Callable[[Any], str]:
    return lambda value: f"{'fewer' if few else 'more'} than {value} {noun} are refused now"


_LIMITS: dict[str, Callable[[Any], str]] = {
    "minimum": lambda value: f"what is below {excerpt(str(value))} is refused now",
    "maximum": lambda value: f"what is above {excerpt(str(value))} is refused now",
    "exclusiveMinimum": lambda value: f"{excerpt(str(value))} and what is below it is refused now",
    "exclusiveMaximum": lambda value: f"{excerpt(str(value))} and what is above it is refused now",
    "multipleOf": lambda value: f"only multiples of {excerpt(str(value))} are accepted now",
    "pattern": lambda value: f"only texts that match `{excerpt(value)}` are accepted now",
    "minLength": _count(True, "characters"),
    "maxLength": _count(False, "characters"),
    "minItems": _count(True, "entries"),
    "maxItems": _count(False, "entries"),
    "minProperties": _count(True, "fields"),
    "maxProperties": _count(False, "fields"),
    "maxContains": lambda value: f"more than {value} such entries are refused now",
    "minContains": lambda value: f"fewer than {value} such entries are refused now",
}


def _shown(value: Any) -> str:
    if isinstance(value, dict | list):
        return f"this {type_of(value)}"
    literals = {None: "null", True: "true", False: "false"}
    text = literals[value] if value is None or isinstance(value, bool) else str(value)
    return f"`{excerpt(text)}`"
