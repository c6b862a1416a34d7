"""Data is a tree of mappings and lists: its places, copies with one of them changed, and what a schema says of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

from jsonschema import Draft202012Validator

from rollout_spec.core.findings import KeyPath
from rollout_spec.spec import KINDS
from rollout_spec.spec.json_schema import json_schema

SCHEMAS = {kind: json_schema(kind) for kind in KINDS}
_VALIDATORS: dict[int, Draft202012Validator] = {}


def paths_of(tree: object, path: KeyPath = ()) -> Iterator[KeyPath]:
    """Give the place of the tree and of all that is in it."""
    yield path
    children = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, child in children:
        yield from paths_of(child, (*path, key))


def at(tree: Any, path: KeyPath) -> Any:
    """Return what stands at a place."""
    for step in path:
        tree = tree[step]
    return tree


def replaced(tree: Any, path: KeyPath, value: object) -> Any:
    """Return a copy with another value at a place, or with one more key."""
    if not path:
        return value
    copy = tree.copy()
    copy[path[0]] = replaced(tree[path[0]], path[1:], value) if len(path) > 1 else value
    return copy


def removed(tree: Any, path: KeyPath) -> Any:
    """Return a copy without a key or an entry."""
    parent = at(tree, path[:-1]).copy()
    del parent[path[-1]]
    return replaced(tree, path[:-1], parent)


def renamed(tree: Any, path: KeyPath, name: str) -> Any:
    """Return a copy with another key at a place; the order of the keys stays."""
    parent = at(tree, path[:-1])
    return replaced(tree, path[:-1], {name if key == path[-1] else key: value for key, value in parent.items()})


def plain(value: Any) -> Any:
    """Return data as a JSON parser would give it."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return float(value) if isinstance(value, Decimal) else value


def accepts(kind: str, data: Any, changed: KeyPath = ()) -> bool:
    """Return whether a kind's JSON Schema accepts data that is good but for what is changed, or gone, at one place.

    A schema judges each part by itself, unless alternatives or conditions look at it as well: so the smallest such part
    is asked about, which takes a tenth of the time.
    """
    schema = SCHEMAS[kind]
    for step in changed[:-1]:
        fields = schema.get("properties", {})
        part = schema.get("items") if isinstance(step, int) else fields.get(step, schema.get("additionalProperties"))
        if {"if", "oneOf"} & set(schema) or not isinstance(part, dict):
            break
        schema, data = part, data[step]
    if id(schema) not in _VALIDATORS:
        _VALIDATORS[id(schema)] = Draft202012Validator(schema)
    return bool(_VALIDATORS[id(schema)].is_valid(plain(data)))


def alike(ours: Any, theirs: Any) -> bool:
    """Are they the same? Dates aside, which stay text here."""
    if isinstance(theirs, date):
        return isinstance(ours, str)
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return len(ours) == len(theirs) and all(map(alike, [*ours, *ours.values()], [*theirs, *theirs.values()]))
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(alike, ours, theirs))
    if isinstance(ours, Decimal):
        return isinstance(theirs, float) and float(ours) == theirs
    return repr(ours) == repr(theirs)
