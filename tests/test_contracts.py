"""What is told of two schemas is certain: a validator finds a document that the one accepts and the other refuses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from rollout_spec.contracts import place_of
from rollout_spec.contracts.breaking import KNOWN, breaks, refusals
from rollout_spec.contracts.reading import MAX_BYTES, NotASchema, read_schema

ABSENT = object()
NUMBERS = (-7, -1, -0.3, 0, 0.1, 0.5, 1, 1.5, 2, 2.25, 3, 7, 1000.1)
VALUES = [None, True, False, *NUMBERS, "", *(letter * count for letter in "abc" for count in (1, 2, 3, 4, 9))]
SMALL = (ABSENT, None, True, 1, 7, 0.5, "a", "ccc")
LISTS = [[each] * count for each in VALUES for count in range(5)]


def documents() -> Iterator[Any]:
    """Give documents of all types, small ones of each."""
    yield from VALUES
    yield from LISTS
    yield from ([], [True, False], ["a", "bb", "ccc"], [1, 2, 3, 7], [0.5, 1.5, 2.25], [None, True, 1, "a", "ccc"])
    for fields in product(SMALL, repeat=3):
        yield {name: value for name, value in zip("abz", fields, strict=True) if value is not ABSENT}
    yield dict.fromkeys("cdefghijk", 1)


DOCUMENTS = list(documents())
bounds = st.integers(0, 3)


def limits(low: str, high: str) -> st.SearchStrategy[dict[str, Any]]:
    """Give two limits that leave something between them, or one, or none."""
    both = st.tuples(bounds, bounds).map(lambda pair: {low: min(pair), high: max(pair) + 1})
    return st.one_of(st.just({}), both, bounds.map(lambda at: {low: at}), bounds.map(lambda at: {high: at}))


def typed(name: str, *parts: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.tuples(*parts).map(lambda found: {"type": name} | {k: v for part in found for k, v in part.items()})


def option(key: str, values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.one_of(st.just({}), values.map(lambda value: {key: value}))


leaf = st.one_of(
    st.just(True),
    st.just({}),
    st.just({"description": "a note", "format": "date", "x-note": 1}),
    typed("string", limits("minLength", "maxLength")),
    typed("string", option("pattern", st.sampled_from([".*", "^a", "^c+$"]))),
    typed("integer", limits("minimum", "maximum"), option("multipleOf", st.just(1))),
    typed("number", limits("exclusiveMinimum", "maximum").filter(lambda each: len(each) < 2)),
    typed("number", limits("minimum", "exclusiveMaximum").filter(lambda each: len(each) < 2)),
    typed("number", option("multipleOf", st.sampled_from([0.5, 0.25, 1]))),
    st.sampled_from(["boolean", "null", "string", "number"]).map(lambda name: {"type": name}),
    st.lists(st.sampled_from(["boolean", "null", "integer", "string"]), min_size=1, unique=True).map(
        lambda names: {"type": names}
    ),
    st.lists(st.sampled_from([None, True, 1, "a", "ccc"]), min_size=1, unique_by=repr).map(lambda all_: {"enum": all_}),
    st.sampled_from([None, True, 1, "a"]).map(lambda value: {"const": value}),
    st.just({"anyOf": [{"type": "string"}, {"type": "null"}]}),
)
fields = st.dictionaries(st.sampled_from("ab"), leaf)
objects = typed(
    "object",
    option("properties", fields),
    option("required", st.lists(st.sampled_from("ab"), unique=True)),
    option("additionalProperties", st.one_of(st.booleans(), leaf)),
)
arrays = st.one_of(
    typed("array", option("items", leaf), limits("minItems", "maxItems")),
    typed("array", option("items", leaf), option("uniqueItems", st.booleans())),
)
schemas = st.one_of(leaf, objects, objects, objects, arrays)


def is_possible(schema: Any) -> bool:
    """Does a schema accept anything? What is told of one that accepts nothing breaks nobody."""
    return any(Draft202012Validator(schema).is_valid(document) for document in DOCUMENTS)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(schemas.filter(is_possible), schemas)
def test_a_change_that_is_told_breaks_somebody(old: Any, new: Any) -> None:
    before, after = Draft202012Validator(old), Draft202012Validator(new)
    broken = any(before.is_valid(document) and not after.is_valid(document) for document in DOCUMENTS)
    told = refusals(read(old), read(new))
    assert broken or not told, told
    assert all("is gone" in change.words for change in breaks(read(old), read(new)) if change not in told)


@given(schemas)
def test_a_schema_does_not_break_its_own_callers(schema: Any) -> None:
    assert breaks(read(schema), read(schema)) == []


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ({}, {"type": "object"}, ["/type: only `object` is accepted now"]),
        ({"type": "number"}, {"type": "integer"}, ["/type: a `number` that is no integer is refused now"]),
        ({"type": "number"}, {"type": "string"}, ["/type: `number` is refused now"]),
        ({"type": "number", "multipleOf": 5}, {"type": "integer"}, []),
        ({"type": ["string", "null"]}, {"type": "string"}, ["/type: `null` is refused now"]),
        ({"enum": ["a", "b"]}, {"enum": ["b", "c"]}, ["/enum: `a` is refused now"]),
        ({"enum": [1, True]}, {"enum": [1]}, ["/enum: `true` is refused now"]),
        ({"enum": ["a", "b"]}, {"const": "b"}, ["/const: `a` is refused now"]),
        ({"enum": ["a", 1]}, {"type": "string"}, ["/type: `1` is refused now"]),
        ({"type": "string"}, {"enum": ["a"]}, ["/enum: only the listed values are accepted now"]),
        ({"type": "boolean"}, {"enum": [True, False]}, []),
        ({"type": "boolean"}, {"const": True}, ["/const: `false` is refused now"]),
        ({"type": "integer", "minimum": 5}, {"type": "integer", "exclusiveMinimum": 4}, []),
        ({"type": "number", "minimum": 5}, {"exclusiveMinimum": 5}, ["/exclusiveMinimum: 5 and what is below it is"]),
        ({"type": "number"}, {"maximum": 1.5}, ["/maximum: what is above 1.5 is refused now"]),
        ({"maximum": 5, "exclusiveMaximum": True}, {"maximum": 3, "exclusiveMaximum": True}, []),  # draft 4
        ({"type": "number"}, {"multipleOf": 0.1}, ["/multipleOf: only multiples of 0.1 are accepted now"]),
        ({"multipleOf": 0.3}, {"multipleOf": 0.1}, []),
        ({"type": "string"}, {"pattern": "^a"}, ["/pattern: only texts that match `^a` are accepted now"]),
        ({"type": "string", "minLength": 1}, {"type": "string", "pattern": "."}, []),
        ({"type": "string", "maxLength": 9}, {"maxLength": 8}, ["/maxLength: more than 8 characters are refused now"]),
        ({"type": "array"}, {"uniqueItems": True}, ["/uniqueItems: an entry that is there twice is refused now"]),
        ({"type": "array", "items": {}}, {"items": {"type": "null"}}, ["/items/type: only `null` is accepted now"]),
        ({"type": "array", "items": [{}]}, {"items": {"type": "null"}}, []),  # a tuple, before 2020-12
        ({"type": "object"}, {"minProperties": 1}, ["/minProperties: fewer than 1 fields are refused now"]),
        ({"type": "object"}, {"maxProperties": 1}, ["/maxProperties: more than 1 fields are refused now"]),
        ({"properties": {"a": {}}, "additionalProperties": False}, {"maxProperties": 1}, []),
        ({"patternProperties": {"a": {}}}, {"type": "string"}, []),
        (
            {"properties": {"a/b": {}}},
            {"properties": {"a/b": False}},
            ["/properties/a~1b: nothing is accepted any more"],
        ),
        (
            {"type": "object"},
            {"additionalProperties": {"type": "null"}},
            ["/additionalProperties/type: only `null` is"],
        ),
        ({"properties": {"a": {}}}, {"patternProperties": {"b": {}}, "additionalProperties": False}, []),
        ({"type": "string"}, {"$ref": "elsewhere.json"}, []),
        ({"type": "string"}, False, ["/: nothing is accepted any more"]),
        (False, {"type": "string"}, []),
        (True, {"type": "string"}, ["/type: only `string` is accepted now"]),
    ],
)
def test_changes_and_what_is_said_of_them(old: Any, new: Any, told: list[str]) -> None:
    found = [str(change) for change in breaks(read(old), read(new))]
    assert [text[: len(wanted)] for text, wanted in zip(found, told, strict=True)] == told, found


def test_definitions_that_hold_themselves_come_to_an_end() -> None:
    def tree(kind: str) -> Any:
        node = {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}, "value": {"type": kind}}}
        return {"$ref": "#/$defs/node", "$defs": {"node": node, "loop": {"$ref": "#/$defs/loop"}}}

    changes = breaks(read(tree("number")), read(tree("integer")))
    assert [str(change) for change in changes] == [
        "/properties/value/type: a `number` that is no integer is refused now"
    ]
    loop = read({"$ref": "#/$defs/loop", "$defs": {"loop": {"$ref": "#/$defs/loop"}}})
    assert breaks(loop, read({"type": "string"})) == []


def test_definitions_that_double_each_time_are_compared_once() -> None:
    def bomb(kind: str) -> Any:
        twice = {f"d{at}": {"properties": {x: {"$ref": f"#/$defs/d{at + 1}"} for x in "ab"}} for at in range(60)}
        return {"$ref": "#/$defs/d0", "$defs": {**twice, "d60": {"type": kind}}}

    assert len(breaks(read(bomb("number")), read(bomb("integer")))) == 1


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"[" * 200_000, "levels deep"),
        (b'{"items":' * 65 + b"{}" + b"}" * 65, "levels deep"),
        (b" " * (MAX_BYTES + 1), "too long"),
        (b'{"maximum": 1' + b"0" * 5000 + b"}", "digits"),
        (b'{"maximum": NaN}', "NaN is no number"),
        (b'{"a": 1, "a": 2}', "twice"),
        (b"\xff\xfe{}", "UTF-8"),
        (b"", "not JSON"),
        (b"12", "is an object"),
        (b'{"properties": {"a": 1}}', "is an object"),
        (b'{"properties": []}', "maps names"),
        (b'{"$defs": {"a": {"type": "float"}}}', "`type` at /$defs/a"),
        (b'{"type": []}', "a type is"),
        (b'{"required": [1]}', "list of names"),
        (b'{"enum": 1}', "list of values"),
        (b'{"minLength": -1}', "whole number"),
        (b'{"minLength": true}', "whole number"),
        (b'{"multipleOf": 0}', "above 0"),
        (b'{"minimum": "1"}', "a number"),
        (b'{"pattern": 1}', "regular expression"),
        (b'{"$ref": 1}', "names a schema"),
    ],
)
def test_what_is_no_schema_is_refused(content: bytes, words: str) -> None:
    with pytest.raises(NotASchema, match=words.replace("$", r"\$")):
        read_schema(content)


KEYWORDS = sorted({"a", "$ref", "$defs", "definitions", "anyOf", "prefixItems", *KNOWN})
anything = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-3, 3), st.floats(-3, 3), st.sampled_from(["#/$defs/a", "string"])),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(KEYWORDS), inner, max_size=4)),
    max_leaves=12,
)


@given(st.one_of(anything.map(lambda data: json.dumps(data).encode()), st.binary(max_size=40)), anything)
def test_whatever_is_no_schema_is_said_to_be_none(content: bytes, other: Any) -> None:
    with suppress(NotASchema):
        schema, second = read_schema(content), read(other)
        breaks(schema, second)
        breaks(second, schema)


def test_numbers_of_any_size_are_compared() -> None:
    huge = read_schema(b'{"type": "number", "minimum": -1e999999999999, "multipleOf": 1e-999999999999}')
    assert breaks(huge, huge) == []
    assert breaks(huge, read_schema(b'{"type": "number", "multipleOf": 1e999999999999}')) == []


@pytest.mark.parametrize("contract", ["/etc/{version}", "../{version}", "a/{version}/b", r"a\{version}"])
def test_a_contract_lies_in_the_workspace(contract: str) -> None:
    assert place_of(contract, "..") is None


def read(schema: Any) -> Any:
    return read_schema(json.dumps(schema).encode())
