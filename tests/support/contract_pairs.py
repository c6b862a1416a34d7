"""Random pairs of small JSON Schemas, and a fixed pool of small instances that may tell two apart."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from itertools import product
from random import Random
from typing import Any

Make = Callable[[Random, int], dict[str, Any]]

NAMES = ("a", "b", "x-1")
WORDS = ("", "a", "b", "ab", "aa", "aaa", "B", "1")
NUMBERS = (-1, 0, 1, 2, 3, 4, 5, 0.5, 1.5, 2.5)
PATTERNS = ("^a", "a$", "^a+$", "^[a-b]*$", "b|aa", "()", "x*", "^.$", r"^\d+$", "^x-", "^(a|ab)$", "^(?!b)")
VALUES: tuple[Any, ...] = (None, True, False, 0, 1, 2, 3, 0.5, "a", "ab", "", [], [1], {}, {"a": 1})
TYPES = ("array", "boolean", "integer", "null", "number", "object", "object", "object", "string")
ABSENT = object()


def numbers(random: Random, _: int) -> dict[str, Any]:
    low = random.choice(NUMBERS)
    return some(random, {
        "minimum": low,
        "maximum": random.choice([low, low + 1, low + 3, 5]),
        "exclusiveMinimum": random.choice(NUMBERS),
        "exclusiveMaximum": random.choice([2, 4, 5, 2.5]),
        "multipleOf": random.choice([1, 2, 3, 0.5, 1.5, 0.25]),
    })  # fmt: skip


def texts(random: Random, _: int) -> dict[str, Any]:
    low = random.randint(0, 2)
    return some(random, {
        "minLength": low, "maxLength": low + random.randint(0, 2), "pattern": random.choice(PATTERNS)
    })  # fmt: skip


def arrays(random: Random, depth: int) -> dict[str, Any]:
    low = random.randint(0, 2)
    return some(random, {
        "items": schema(random, depth),
        "prefixItems": [schema(random, depth) for _ in range(random.randint(1, 2))],
        "minItems": low,
        "maxItems": low + random.randint(0, 2),
        "uniqueItems": random.random() < 0.8,
        "contains": schema(random, depth),
    }, 0.35)  # fmt: skip


def objects(random: Random, depth: int) -> dict[str, Any]:
    low = random.randint(0, 2)
    return some(random, {
        "properties": {name: schema(random, depth) for name in names(random)},
        "required": names(random),
        "additionalProperties": random.choice([False, False, schema(random, depth)]),
        "patternProperties": {random.choice(["^x-", "^a", "b", ".*"]): schema(random, depth)},
        "minProperties": low,
        "maxProperties": low + random.randint(0, 2),
        "dependentRequired": {random.choice(NAMES): names(random)},
        "propertyNames": random.choice([{"maxLength": 1}, {"pattern": "^[ab]"}, {"enum": ["a", "b", "c"]}]),
    }, 0.35)  # fmt: skip


def compound(random: Random, depth: int) -> dict[str, Any]:
    several = [schema(random, depth) for _ in range(random.randint(1, 3))]
    return random.choice([
        {"allOf": several}, {"anyOf": several}, {"oneOf": several}, {"not": several[0]},
        {"if": several[0], "then": schema(random, depth)},
        {"if": several[0], "then": several[-1], "else": schema(random, depth)},
        {"dependentSchemas": {random.choice(NAMES): several[0]}},
        {"unevaluatedProperties": random.choice([False, several[0]]), "allOf": several},
    ])  # fmt: skip


def listed(random: Random, _: int) -> dict[str, Any]:
    if random.random() < 0.3:
        return {"const": random.choice(VALUES)}
    return {"enum": random.sample(VALUES, random.randint(1, 4))}


OF_TYPE: dict[str, Make] = {
    "array": arrays, "integer": numbers, "number": numbers, "object": objects, "string": texts
}  # fmt: skip


def some(random: Random, keywords: dict[str, Any], share: float = 0.4) -> dict[str, Any]:
    return {name: value for name, value in keywords.items() if random.random() < share}


def names(random: Random) -> list[str]:
    return random.sample(NAMES, random.randint(1, 3))


def schema(random: Random, depth: int = 3) -> Any:
    """Return a small schema."""
    chance = random.random()
    if chance < 0.06:
        return random.random() < 0.7
    if chance < 0.1:
        return {"$ref": "#/$defs/d"}
    if depth <= 0 or chance < 0.2:
        return random.choice([listed(random, 0), {"type": random.choice(TYPES)}, {}])
    made: dict[str, Any] = {}
    kinds = random.sample(TYPES, 1 if random.random() < 0.8 else 2)
    if random.random() < 0.85:
        made["type"] = kinds[0] if len(kinds) == 1 else sorted(set(kinds))
    for kind in kinds:
        made |= OF_TYPE.get(kind, listed)(random, depth - 1)
    if random.random() < 0.12:
        made |= listed(random, depth)
    if random.random() < 0.2:
        made |= compound(random, depth - 1)
    return made


def document(random: Random) -> Any:
    """Return a schema with a definition for its references."""
    made = schema(random)
    if isinstance(made, bool):
        return made
    return {**made, "$defs": {"d": schema(random, 1)}}


def changed(random: Random, old: Any) -> Any:
    """Return a schema of which one or two keywords are others."""
    new = copy.deepcopy(old)
    for _ in range(random.randint(1, 2)):
        places = [each for each in _schemas(new) if each]
        if not places:
            return schema(random)
        place = random.choice(places)
        fresh = schema(random, 2)
        keyword = random.choice([*place, *(fresh if isinstance(fresh, dict) else ())])
        if keyword == "$defs":
            continue
        if isinstance(fresh, dict) and keyword in fresh:
            place[keyword] = fresh[keyword]
        elif isinstance(place[keyword], list) and keyword in ("enum", "required") and len(place[keyword]) > 1:
            place[keyword].pop()
        elif isinstance(place[keyword], int) and not isinstance(place[keyword], bool) and keyword != "const":
            place[keyword] += 1
        else:
            del place[keyword]
    return new


def _schemas(data: Any) -> Iterator[dict[str, Any]]:
    if not isinstance(data, dict):
        return
    yield data
    for name, value in data.items():
        if name in ("properties", "patternProperties", "dependentSchemas", "$defs"):
            for each in value.values():
                yield from _schemas(each)
        elif name in ("items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames"):
            yield from _schemas(value)
        elif name in ("allOf", "anyOf", "oneOf", "prefixItems"):
            for each in value:
                yield from _schemas(each)


def pair(seed: int) -> tuple[Any, Any]:
    """Return two schemas: most are one with a change, others have nothing to do with each other."""
    random = Random(seed)
    old = document(random)
    return old, changed(random, old) if random.random() < 0.75 else document(random)


def rests_on_open_fields(instance: Any, old: Any, new: Any) -> bool:
    """Return whether an instance has a field that only the new schema names, though the old one leaves fields open."""
    added = set(_named(new)) - set(_named(old))
    return bool(added & set(_fields(instance))) and "additionalProperties" not in str(old)


def _named(data: Any) -> Iterator[str]:
    for each in _schemas(data):
        yield from each.get("properties", ())


def _fields(data: Any) -> Iterator[str]:
    for each in data.values() if isinstance(data, dict) else data if isinstance(data, list) else ():
        yield from _fields(each)
    yield from data if isinstance(data, dict) else ()


def pool() -> list[Any]:
    """Return instances: it knows nothing of how candidates are made."""
    small: list[Any] = [None, True, False, -1, 0, 1, 2, 3, 0.5, "", "a", "ab", "b", [], {}]
    few: list[Any] = [None, True, 1, 0.5, 3, "a", "ab", [], {}]
    found: list[Any] = [*VALUES, *NUMBERS, *WORDS, 0.25, 0.75, 1.25, 6, 7, -0.5, "aaaa", "ba", "11", "x-", "-"]
    for length in (1, 2, 3):
        found += map(list, product(small if length < 3 else few, repeat=length))
    inside = [ABSENT, *few, {"a": 1}, {"b": "a"}, {"a": 1, "b": 1}, [1], [1, 1], ["a", 1]]
    for fields in product(inside, inside, inside[:8]):
        found.append({name: value for name, value in zip(NAMES, fields, strict=True) if value is not ABSENT})
    for value in inside[1:]:
        found += [{"c": value}, {"a": value, "c": 1}, {"b": value, "c": 1}, {"a": 1, "b": 1, "c": value}]
        found += [{"a": {"a": value}}, {"a": {"b": value}}, {"b": {"a": value}}, {"a": [value]}, [{"a": value}]]
    return found
