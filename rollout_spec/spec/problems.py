"""What pydantic says about a model is told again in the user's terms: at a key, one finding each, with the nearest name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ValidationError

from rollout_spec.finding import KeyPath, Problem
from rollout_spec.scalars import quote

_LONGEST = 60
_WRITE = {
    "bool_type": ("`true` or `false`", "true"),
    "int_type": ("a whole number", "80"),
    "list_type": ("a list", "[…]"),
    "dict_type": ("a mapping", "key: value"),
    "model_type": ("a mapping", "key: value"),
    "model_attributes_type": ("a mapping", "key: value"),
    "not_number": ("a number, in digits and without quotes", "0.2"),
}
_UNITS = {"a share": "%", "a duration": "s"}


def problems(
    error: ValidationError, data: Any, model: type[BaseModel], bare: Callable[[KeyPath], str | None]
) -> Iterator[Problem]:
    """Give one problem for each thing that is wrong. ``bare(path)`` is the unquoted text of a scalar, None if quoted."""
    faults = [(_path(fault["loc"], data), fault) for fault in error.errors(include_url=False)]
    missing = {(path, str(fault["loc"][-1])) for path, fault in faults if fault["type"] == "missing"}
    meant: set[tuple[KeyPath, str]] = set()
    told: set[KeyPath] = set()
    for path, fault in faults:
        if fault["type"] == "extra_forbidden":
            wanted = {name for parent, name in missing if parent == path[:-1]}
            problem, name = _unknown_field(path, fault["loc"], model, wanted, data)
            meant.add((path[:-1], name))
            told.add(path)
            yield problem
    for path, fault in faults:
        if fault["type"] == "extra_forbidden" or path in told:
            continue
        if fault["type"] == "missing":
            name = str(fault["loc"][-1])
            if (path, name) not in meant:
                yield Problem(path, f"`{name}` is missing", on_key=True)
            continue
        told.add(path)
        yield _wrong_value(path, fault, data, bare)


def nearest(name: str, known: Any) -> str | None:
    """Return the known name that a misspelt one most likely means."""
    matches = get_close_matches(name, [str(candidate) for candidate in known], n=1, cutoff=0.6)
    return matches[0] if matches else None


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
        if isinstance(here, dict) and step in here:
            here = here[step]
        elif isinstance(here, list) and isinstance(step, int) and step < len(here):
            here = here[step]
        else:
            continue
        path.append(step)
    return tuple(path)


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
    return Problem(path, f"there is no field `{_cut(name)}` here", hint, on_key=True), close


def _fields_at(loc: tuple[str | int, ...], model: type[BaseModel]) -> list[str]:
    """Follow a location through the models' JSON Schema to the names of the fields that are known there."""
    schema = model.model_json_schema(by_alias=True)
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
        else:
            return []
    options = [resolve(option) for option in node.get("anyOf", []) if resolve(option).get("type") != "null"]
    node = options[0] if len(options) == 1 else node
    return list(node.get("properties", {}))


def _wrong_value(path: KeyPath, fault: Any, data: Any, bare: Callable[[KeyPath], str | None]) -> Problem:
    kind, context, value = fault["type"], fault.get("ctx", {}), fault["input"]
    key_is_wrong = bool(fault["loc"]) and fault["loc"][-1] == "[key]"
    if "at" in context:
        return Problem((*path, str(context["at"])), fault["msg"])
    if kind in ("string_type", "not_text"):
        noun = str(context.get("kind", "text"))
        unit = _UNITS.get(noun)
        if unit and isinstance(value, int | Decimal) and not isinstance(value, bool):
            return Problem(
                path, f"this is {noun}, and {_seen(value, bare(path))} has no unit", f"write `{bare(path)}{unit}`"
            )
        return Problem(path, *_not_text(noun if noun == "text" else f"{noun}, and so text", value, bare(path)))
    if kind in _WRITE:
        wanted, example = _WRITE[kind]
        written = bare(path)
        hint = (
            "remove the quotes"
            if kind in ("not_number", "int_type", "bool_type") and written is None and isinstance(value, str)
            else f"write `{example}`"
        )
        return Problem(path, f"this is {wanted}, not {_seen(value, written)}", hint)
    if kind in ("literal_error", "union_tag_invalid"):
        choices = [
            part.strip().strip("'")
            for part in str(context.get("expected") or context.get("expected_tags")).replace(" or ", ", ").split(", ")
        ]
        if kind == "union_tag_invalid":
            path, value = (*path, str(context["discriminator"]).strip("'")), context["tag"]
        close = nearest(value, choices) if isinstance(value, str) else None
        words = ", ".join(f"`{choice}`" for choice in choices)
        hint = f"did you mean `{close}`?" if close else None
        return Problem(
            path, f"this is {'one of ' if len(choices) > 1 else ''}{words}, not {_seen(value, bare(path))}", hint
        )
    if kind == "union_tag_not_found":
        tag = str(context["discriminator"]).strip("'")
        misspelt = nearest(tag, value) if isinstance(value, dict) else None
        if misspelt:
            return Problem(
                (*path, misspelt), f"there is no field `{_cut(misspelt)}` here", f"did you mean `{tag}`?", on_key=True
            )
        return Problem(path, f"`{tag}` is missing", on_key=True)
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
    if isinstance(value, str) and kind == "misspelt":
        message += f", not {_seen(value, bare(path))}"
    return Problem(path, message, on_key=key_is_wrong)


def _not_text(wanted: str, value: Any, written: str | None) -> tuple[str, str]:
    if written is None or isinstance(value, dict | list):
        return f"this is {wanted}, not {_seen(value, written)}", "write one value here"
    if value is None:
        return f"this is {wanted}, and nothing is written here", "write a value, or remove the key"
    number = f"{value:f}".rstrip("0").rstrip(".") if "." in str(value) else str(value).lower()
    kind = "the number" if not isinstance(value, bool) else "the boolean"
    return (
        f"this is {wanted}, and an unquoted {_cut(written)} is {kind} {_cut(number)} in YAML",
        f"quote it: {quote(written)[:_LONGEST]}",
    )


def _seen(value: Any, written: str | None) -> str:
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if value is None:
        return "nothing"
    return f"`{_cut(written if written is not None else str(value))}`"


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"
