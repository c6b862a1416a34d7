"""What pydantic says about a model is told again in the user's terms: at a key, once each, with the nearest name."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator
from contextlib import suppress
from decimal import Decimal
from functools import lru_cache
from typing import Any

from pydantic import BaseModel, ValidationError

from rollout_spec.core.findings import KeyPath, Problem
from rollout_spec.core.units import format_share
from rollout_spec.core.yaml.scalars import excerpt, quote, resolve

_MAPPING = ("a mapping", "write `key: value`")
_WRITE = {
    "bool_type": ("`true` or `false`", None),
    "int_type": ("a whole number", "write digits alone, such as `3`"),
    "list_type": ("a list", "write `[…]`"),
    "dict_type": _MAPPING,
    "model_type": _MAPPING,
    "model_attributes_type": _MAPPING,
    "not_number": ("a number, in digits and without quotes", "write digits, such as `0.2`"),
    "not_bound": ("a share, or a number for a metric that is no ratio", "write `5%`, or `0.2`"),
}
_UNQUOTED = {"not_number": (int, Decimal), "int_type": (int,), "bool_type": (bool,)}
_MOST_NAMES = 100
_MEANS = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}


def problems(
    error: ValidationError, data: Any, model: type[BaseModel], bare: Callable[[KeyPath], str | None]
) -> Iterator[Problem]:
    """Give one problem for each thing that is wrong; ``bare(path)`` is the text of a scalar that has no quotes."""
    faults = [(_path(fault["loc"], data), fault) for fault in error.errors(include_url=False)]
    missing: dict[KeyPath, set[str]] = {}
    for path, fault in faults:
        if fault["type"] == "missing":
            missing.setdefault(path, set()).add(str(fault["loc"][-1]))
    meant: set[tuple[KeyPath, str]] = set()
    told: set[KeyPath] = set()
    for path, fault in faults:
        if fault["type"] == "extra_forbidden":
            problem, name = _unknown_field(path, fault["loc"], model, missing.get(path[:-1], set()), data)
            meant.add((path[:-1], name))
            told.add(path)
            yield problem
    for path, fault in faults:
        if fault["type"] == "extra_forbidden" or path in told:
            continue
        if fault["type"] == "missing":
            name = str(fault["loc"][-1])
            if (path, name) not in meant:
                known = [*_fields_at(fault["loc"][:-1], model), *(each[-1] for each in told if each[:-1] == path)]
                yield _missing(path, name, fault["input"], known)
            continue
        told.add(path)
        yield _wrong_value(path, fault, data, bare)


def nearest(name: str, known: Any) -> str | None:
    """Return the known name that a misspelled one most likely means."""
    from difflib import get_close_matches  # most checks find nothing misspelled

    names = [str(candidate) for candidate in known]
    if len(names) > _MOST_NAMES:  # of so many, those that begin most like it
        names.sort()
        at = bisect_left(names, name)
        names = names[max(0, at - _MOST_NAMES // 2) : at + _MOST_NAMES // 2]
    matches = get_close_matches(name, names, cutoff=0.6)
    swapped = (match for match in matches if sorted(match) == sorted(name))
    return next(swapped, matches[0] if matches else None)


def did_you_mean(name: str, known: Any) -> str | None:
    """Return a hint: the nearest known name, else the few that there are."""
    names = sorted(str(candidate) for candidate in known)
    close = nearest(name, names)
    if close:
        return f"did you mean `{close}`?"
    return f"there is {', '.join(f'`{each}`' for each in names)}" if 0 < len(names) <= 8 else None


def _path(loc: tuple[str | int, ...], data: Any) -> KeyPath:
    """Turn pydantic's location into keys of the data: union tags are no keys, and a missing field is not there yet."""
    path: list[str | int] = []
    here = data
    for step in loc:
        if isinstance(here, dict):
            there = step in here
        else:
            there = isinstance(here, list) and isinstance(step, int) and step < len(here)
        if there:
            here = here[step]
            path.append(step)
    return tuple(path)


def _missing(path: KeyPath, name: str, here: Any, known: list[str | int]) -> Problem:
    """Say that a field is missing, at the key that misspells it where there is one."""
    misspelled = nearest(name, (key for key in here if key not in known)) if isinstance(here, dict) else None
    if misspelled:
        words = f"there is no field `{excerpt(misspelled)}` here"
        return Problem((*path, misspelled), words, f"did you mean `{name}`?", on_key=True)
    return Problem(path, f"`{name}` is missing", on_key=True)


def _unknown_field(
    path: KeyPath, loc: tuple[str | int, ...], model: type[BaseModel], wanted: set[str], data: Any
) -> tuple[Problem, str]:
    name = str(path[-1])
    known = _fields_at(loc[:-1], model)
    here = data
    for step in path[:-1]:
        here = here[step]
    free = wanted | {field for field in known if field not in here}
    close = nearest(name, wanted) or nearest(name, free) or ""
    elsewhere = ", ".join(f"`{field}`" for field in sorted(known))
    hint = f"did you mean `{close}`?" if close else (f"known here: {elsewhere}" if known else None)
    return Problem(path, f"there is no field `{excerpt(name)}` here", hint, on_key=True), close


@lru_cache
def _fields_at(loc: tuple[str | int, ...], model: type[BaseModel]) -> list[str]:
    """Follow a location through the models' JSON Schema to the names of the fields that are known there."""
    schema = _schema(model)
    definitions = schema.get("$defs", {})

    def resolve(node: Any) -> Any:
        while isinstance(node, dict) and "$ref" in node:
            node = definitions[node["$ref"].rsplit("/", 1)[-1]]
        return node

    node = resolve(schema)
    for step in loc:
        options = [resolve(option) for option in node.get("anyOf", []) if resolve(option).get("type") != "null"]
        node = options[0] if len(options) == 1 else node
        if "discriminator" in node and step in node["discriminator"]["mapping"]:
            node = resolve({"$ref": node["discriminator"]["mapping"][step]})
        elif isinstance(step, int):
            node = resolve(node.get("items", {}))
        elif step in node.get("properties", {}):
            node = resolve(node["properties"][step])
        elif isinstance(node.get("additionalProperties"), dict):
            node = resolve(node["additionalProperties"])
        elif node.get("patternProperties"):  # a mapping whose keys the user chooses
            node = resolve(next(iter(node["patternProperties"].values())))
        else:
            return []
    options = [resolve(option) for option in node.get("anyOf", []) if resolve(option).get("type") != "null"]
    node = options[0] if len(options) == 1 else node
    return list(node.get("properties", {}))


@lru_cache
def _schema(model: type[BaseModel]) -> dict[str, Any]:
    return model.model_json_schema(by_alias=True)


def _wrong_value(path: KeyPath, fault: Any, data: Any, bare: Callable[[KeyPath], str | None]) -> Problem:
    kind, context, value = fault["type"], fault.get("ctx", {}), fault["input"]
    key_is_wrong = bool(fault["loc"]) and fault["loc"][-1] == "[key]"
    if "at" in context:
        return Problem((*path, str(context["at"])), fault["msg"])
    if kind in ("string_type", "not_text"):
        noun = str(context.get("kind", "text"))
        if context.get("words"):
            return Problem(path, f"{context['words']}, not {_seen(value, bare(path))}")
        if context.get("unit") and isinstance(value, int | Decimal):
            hint: str | None = f"write `{bare(path)}{context['unit']}`"
            if context["unit"] == "%" and 0 < value < 1:
                hint = f"write `{format_share(100 * Decimal(value))}`, or `{bare(path)}%` if so little is meant"
            return Problem(path, f"this is {noun}, and {_seen(value, bare(path))} has no unit", hint)
        return Problem(path, *_not_text(noun if noun == "text" else f"{noun}, and so text", value, bare(path)))
    if kind in _WRITE:
        return Problem(
            path, f"this is {_WRITE[kind][0]}, not {_seen(value, bare(path))}", _spelling(kind, value, bare(path))
        )
    if kind == "literal_error":
        return _wrong_choice(path, value, context["expected"], bare)
    if kind == "union_tag_invalid":
        tag = str(context["discriminator"]).strip("'")
        return _wrong_choice((*path, tag), value[tag], context["expected_tags"], bare)
    if kind == "union_tag_not_found":
        if not isinstance(value, dict):
            return Problem(path, f"this is {_MAPPING[0]}, not {_seen(value, bare(path))}", _MAPPING[1])
        return _missing(path, str(context["discriminator"]).strip("'"), value, [])
    if kind in ("greater_than", "greater_than_equal", "less_than", "less_than_equal"):
        words = {
            "greater_than": "above",
            "greater_than_equal": "at least",
            "less_than": "below",
            "less_than_equal": "at most",
        }[kind]
        bound = next(context[name] for name in ("gt", "ge", "lt", "le") if name in context)
        return Problem(path, f"this is {words} {bound}, not {_seen(value, bare(path))}")
    if kind == "too_short":
        return Problem(path, "this is empty, and needs one entry at least")
    if kind == "string_too_short":
        return Problem(path, "this text is empty")
    message = fault["msg"]
    if isinstance(value, str) and kind == "misspelled":
        message += f", not {_seen(value, None if key_is_wrong else bare(path))}"
    return Problem(path, message, context.get("hint"), on_key=key_is_wrong or isinstance(value, dict))


def _wrong_choice(path: KeyPath, value: Any, expected: str, bare: Callable[[KeyPath], str | None]) -> Problem:
    choices = [part.strip().strip("'") for part in expected.replace(" or ", ", ").split(", ")]
    close = nearest(value.lower(), choices) if isinstance(value, str) else None
    words = ("one of " if len(choices) > 1 else "") + ", ".join(f"`{choice}`" for choice in choices)
    hint = f"did you mean `{close}`?" if close else None
    return Problem(path, f"this is {words}, not {_seen(value, bare(path))}", hint)


def _spelling(kind: str, value: Any, written: str | None) -> str | None:
    """Say what to write instead of a value of another type."""
    if kind in _UNQUOTED and written is None and isinstance(value, str) and value:
        with suppress(ValueError):
            if isinstance(resolve(value), _UNQUOTED[kind]):
                return "remove the quotes"
    if kind == "bool_type" and str(value).lower() in _MEANS:
        return f"write `{_MEANS[str(value).lower()]}`"
    if kind == "list_type" and isinstance(value, str | int | Decimal):
        return f"write `[{excerpt(quote(value) if written is None else written)}]`"
    return _WRITE[kind][1]


def _not_text(wanted: str, value: Any, written: str | None) -> tuple[str, str]:
    if written is None or isinstance(value, dict | list):
        return f"this is {wanted}, not {_seen(value, written)}", "write one value here"
    if value is None:
        return f"this is {wanted}, and nothing is written here", "write a value, or remove the key"
    number = f"{value:f}".rstrip("0").rstrip(".") if "." in str(value) else str(value).lower()
    kind = "the number" if not isinstance(value, bool) else "the boolean"
    return (
        f"this is {wanted}, and an unquoted {excerpt(written)} is {kind} {excerpt(number)} in YAML",
        f"quote it: {quote(written)}",
    )


def _seen(value: Any, written: str | None) -> str:
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if value is None:
        return "nothing"
    if value == "":
        return "an empty text"
    if written is None:
        written = quote(value) if isinstance(value, str) else str(value)
    return f"`{excerpt(written)}`"
