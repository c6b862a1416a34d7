"""A schema breaks callers where it refuses a document that the one before accepted.

Only what is certain is told. All keywords of a schema hold at once, so that each of the new one's that is tighter
refuses something, as long as the old one is understood in full: where that has a keyword beside those below (``anyOf``,
``if``, ``patternProperties``, one that nobody knows), nothing is said of it and what lies in it. That the old one
accepts anything at all, in each of its parts, is taken for granted.

Source: https://json-schema.org/draft/2020-12/json-schema-validation
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from rollout_spec.contracts.limits import tightened
from rollout_spec.contracts.reading import MAX_DEPTH, TYPES, Schema, pointer
from rollout_spec.finding import KeyPath
from rollout_spec.scalars import excerpt

_NOTES = frozenset(
    {"$schema", "$id", "$comment", "$anchor", "$defs", "definitions", "title", "description", "default", "examples"}
    | {"deprecated", "readOnly", "writeOnly", "format", "contentEncoding", "contentMediaType", "contentSchema"}
)
KNOWN = frozenset(
    {"type", "enum", "const", "properties", "required", "additionalProperties", "items", "uniqueItems", "pattern"}
    | {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}
    | {"minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"}
)
"""The keywords that are understood; all others that are no notes are not."""
_LOCAL = re.compile(r"#/(\$defs|definitions)/([^/%]+)")
_MOST_PAIRS = 10_000


@dataclass(frozen=True)
class Change:
    """One change that breaks callers: ``path`` is where in the new schema, ``words`` what becomes of it.

    ``refuses``: a document that was accepted is no more; else it is accepted still, and not read as it was meant.
    """

    path: KeyPath
    words: str
    refuses: bool = True

    def __str__(self) -> str:
        return f"{pointer(self.path)}: {self.words}"


def breaks(old: Schema, new: Schema) -> list[Change]:
    """Return the changes from one schema to the next that certainly break callers of the old one."""
    return list(dict.fromkeys(_Comparison(old, new).schemas(old, new, ())))


def refusals(old: Schema, new: Schema) -> list[Change]:
    """Return those of the changes for which the new schema certainly refuses something that the old one accepts."""
    return [change for change in breaks(old, new) if change.refuses]


@dataclass
class _Comparison:
    """Two documents, and the pairs of schemas in them that were compared: references may lead to one pair twice."""

    before: Schema
    after: Schema
    seen: set[tuple[int, int]] = field(default_factory=set)

    def schemas(self, old: Schema, new: Schema, path: KeyPath) -> Iterator[Change]:
        """Compare what stands at one place of both."""
        old, new = _resolved(old, self.before), _resolved(new, self.after)
        pair = id(old), id(new)
        if pair in self.seen or len(self.seen) >= _MOST_PAIRS or len(path) > 2 * MAX_DEPTH:
            return
        self.seen.add(pair)
        if old is False or new is True or not _is_understood(old, path) or "$ref" in (new or {}):
            return
        if new is False:
            yield Change(path, "nothing is accepted any more")
            return
        old = {} if old is True else old
        assert isinstance(new, dict)
        listed = _listed(old)
        if listed is not None:
            yield from _refused(listed, new, path)
            return
        yield from _narrowed(old, new, path)
        shared = _types(old) & _types(new)
        if "enum" in new or "const" in new:
            if shared - {"boolean", "null"}:
                yield Change((*path, "enum" if "enum" in new else "const"), "only the listed values are accepted now")
            return
        yield from (Change((*path, keyword), words) for keyword, words in tightened(old, new, shared))
        if "object" in shared:
            yield from self.fields(old, new, path)
        if "array" in shared and "prefixItems" not in new and old.get("maxItems") != 0:
            items = old.get("items", True), new.get("items", True)
            if not any(isinstance(each, list) for each in items):
                yield from self.schemas(*items, (*path, "items"))

    def fields(self, old: dict[str, Any], new: dict[str, Any], path: KeyPath) -> Iterator[Change]:
        """Compare the fields of objects: those that are required, those that stay, those that are gone."""
        needed, wanted = old.get("required", []), new.get("required", [])
        for name in wanted:
            if name not in needed:
                yield Change((*path, "required"), f"`{excerpt(name)}` is required now")
        kept = new.get("properties", {})
        closed = new.get("additionalProperties") is False
        matched = "patternProperties" in new  # fields that are not listed may be accepted in their own way
        for name, schema in old.get("properties", {}).items():
            at = (*path, "properties", name)
            if name in kept:
                yield from self.schemas(schema, kept[name], at)
            elif not matched and closed and schema is not False:
                yield Change(at, "this field is refused now")
            elif not matched and not closed and name in needed and name not in wanted:
                yield Change(at, "this field is gone, and was required: nobody reads it any more", refuses=False)
            elif not matched:
                yield from self.schemas(schema, new.get("additionalProperties", True), (*path, "additionalProperties"))
        rest = old.get("additionalProperties", True)
        if not matched and closed and rest is not False:
            yield Change((*path, "additionalProperties"), "fields that are not listed are refused now")
        elif not matched and not closed:
            yield from self.schemas(rest, new.get("additionalProperties", True), (*path, "additionalProperties"))


def _resolved(schema: Schema, document: Schema) -> Schema:
    """Follow references to the document's own definitions, as far as a schema is nothing but one."""
    for _ in range(MAX_DEPTH):
        if not isinstance(schema, dict) or set(schema) - _NOTES != {"$ref"} or not isinstance(document, dict):
            break
        found = _LOCAL.fullmatch(schema["$ref"])
        target = document.get(found[1], {}).get(found[2].replace("~1", "/").replace("~0", "~")) if found else None
        if target is None:
            break
        schema = target
    return schema


def _is_understood(schema: Schema, path: KeyPath) -> bool:
    """Is nothing in a schema that we do not know? An ``$id`` below the top changes what references mean."""
    if isinstance(schema, bool):
        return True
    return not (path and "$id" in schema) and all(
        key in KNOWN or key in _NOTES or key.startswith("x-") for key in schema
    )


def _types(schema: dict[str, Any]) -> frozenset[str]:
    """Return the types that a schema accepts; an integer is a number."""
    said = schema.get("type", TYPES)
    found = {said} if isinstance(said, str) else set(said)
    return frozenset(found | {"integer"} if "number" in found else found)


def _narrowed(old: dict[str, Any], new: dict[str, Any], path: KeyPath) -> Iterator[Change]:
    """Compare types. Multiples of something may be integers all of them."""
    lost = _types(old) - _types(new) - ({"number"} if "multipleOf" in old and "integer" in _types(new) else set())
    if not lost:
        return
    if "type" not in old:
        kept = " and ".join(f"`{each}`" for each in sorted(_types(new)))
        yield Change((*path, "type"), f"only {kept} is accepted now")
        return
    if "number" in lost and "integer" not in lost:
        yield Change((*path, "type"), "a `number` that is no integer is refused now")
        lost -= {"number"}
    for each in sorted(lost - ({"integer"} if "number" in lost else set())):
        yield Change((*path, "type"), f"`{each}` is refused now")


def _listed(schema: dict[str, Any]) -> list[Any] | None:
    """Return all values that a schema accepts, where that is a short list; None where it is not, or not known."""
    types = _types(schema)
    if "enum" in schema or "const" in schema:
        if set(schema) - _NOTES - {"enum", "const", "type"} or {"enum", "const"} <= set(schema):
            return []
        values = schema["enum"] if "enum" in schema else [schema["const"]]
        return [value for value in values if _type_of(value) in types]
    if types <= {"boolean", "null"}:
        return [*((True, False) if "boolean" in types else ()), *((None,) if "null" in types else ())]
    return None


def _refused(values: list[Any], new: dict[str, Any], path: KeyPath) -> Iterator[Change]:
    """Look for each value in what the new schema accepts: its types, and its list if it has one."""
    types = _types(new)
    listed = new.get("enum", [new["const"]] if "const" in new else None)
    for value in values:
        if _type_of(value) not in types:
            yield Change((*path, "type"), f"{_shown(value)} is refused now")
        elif listed is not None and not any(_same(value, each) for each in listed):
            yield Change((*path, "enum" if "enum" in new else "const"), f"{_shown(value)} is refused now")


def _same(value: Any, other: Any) -> bool:
    """Compare as JSON does: true is not 1, and 1.0 is."""
    return isinstance(value, bool) == isinstance(other, bool) and bool(value == other)


def _shown(value: Any) -> str:
    words = {None: "null", True: "true", False: "false"}
    plain = words[value] if value is None or isinstance(value, bool) else str(value)
    return f"`{excerpt(plain)}`"


def _type_of(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int) or (_type_name(value) == "number" and value == value.to_integral_value()):
        return "integer"
    return _type_name(value)


def _type_name(value: Any) -> str:
    names = {str: "string", dict: "object", list: "array", type(None): "null"}
    return names.get(type(value), "number")
