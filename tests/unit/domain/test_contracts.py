"""A break of a contract is certain only if an instance proves it: the old schema accepts it and the new refuses it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout_spec.core import bounded_process as confined
from rollout_spec.domain.contracts import comparison, place_of
from rollout_spec.domain.contracts.comparison import ContractChange
from rollout_spec.domain.contracts.json_schema import MAX_BYTES, NotASchema, read_schema
from rollout_spec.domain.contracts.witnesses import Comparison, compare


def spelled(schema: Any) -> bytes:
    return json.dumps(schema).encode()


def changes(old: Any, new: Any) -> list[ContractChange]:
    """Compare two schemas in this process."""
    before, after = spelled(old), spelled(new)
    found = Comparison(before, after, read_schema(before), read_schema(after))
    found.run()
    assert not found.is_unknown
    return found.changes()


def closed(properties: Any, **more: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "additionalProperties": False, **more}


def with_field(schema: Any) -> dict[str, Any]:
    return {"type": "object", "required": ["a"], "properties": {"a": schema}}


NUMBER = {"a": {"type": "number"}}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param({"type": "integer", "minimum": 1, "maximum": 5}, {"enum": [1, 2, 3, 4, 5]}, id="all are listed"),
        pytest.param({"type": "integer", "multipleOf": 0.5}, {"type": "integer", "multipleOf": 1}, id="multiples"),
        pytest.param(
            {"type": "number", "minimum": 4, "maximum": 4}, {"type": "number", "multipleOf": 2}, id="one left"
        ),
        pytest.param(
            {"type": "object", "maxProperties": 0}, {"type": "object", "additionalProperties": False}, id="no field"
        ),
        pytest.param(closed({"a": {}}, minProperties=1), closed({"a": {}}, required=["a"]), id="its only field"),
        pytest.param({"type": "string"}, {"type": "string", "pattern": "()"}, id="the empty pattern"),
        pytest.param({"type": "string"}, {"type": "string", "pattern": "x*"}, id="a pattern that may be empty"),
        pytest.param({"type": "string", "minLength": 2.0}, {"type": "string", "minLength": 2}, id="2.0 is an integer"),
        pytest.param({"enum": [1, 0.5]}, {"enum": [0.50, 1.0]}, id="numbers are spelled in another way"),
        pytest.param(with_field({"type": "number"}), {"allOf": [with_field({"type": "number"})]}, id="into allOf"),
        pytest.param(
            with_field({"type": "number"}),
            {"$ref": "#/$defs/a", "$defs": {"a": with_field({"type": "number"})}},
            id="into $ref",
        ),
        pytest.param(
            with_field({"type": "number"}),
            {"type": "object", "properties": {"b": {}}, "anyOf": [with_field({"type": "number"})]},
            id="into anyOf",
        ),
        pytest.param(
            with_field({"type": "number"}),
            {
                "type": "object",
                "properties": {"b": {}},
                "if": {"type": "object"},
                "then": with_field({"type": "number"}),
            },
            id="into then",
        ),
        pytest.param({"type": "string"}, {"$ref": "elsewhere.json"}, id="a reference to another file"),
        pytest.param({"type": "string"}, {"$ref": "https://example.com/x.json"}, id="a reference to a server"),
        pytest.param({"type": "string"}, {"$ref": "#/$defs/nothing"}, id="a reference to nothing"),
        pytest.param({"type": "string"}, {"$ref": "#"}, id="a reference to itself"),
        pytest.param({"type": "string"}, {"type": "string", "pattern": "\\p{L}"}, id="a pattern that Python refuses"),
        pytest.param(
            {"type": "string"}, {"type": "string", "pattern": "\\Aa"}, id="a pattern that ECMA-262 reads otherwise"
        ),
        pytest.param({"type": "string"}, {"type": "string", "format": "date"}, id="formats are annotations"),
        pytest.param(
            {"type": "object", "required": ["a"]},
            {"type": "object", "required": ["a"], "properties": {"b": {"type": "string"}}},
            id="a field that is new",
        ),
        pytest.param(False, {"type": "string"}, id="nothing was accepted"),
        pytest.param({"type": "number", "multipleOf": 5}, {"type": "integer"}, id="multiples are integers"),
        pytest.param({"multipleOf": 0.3}, {"multipleOf": 0.1}, id="multiples of a multiple"),
        pytest.param({"patternProperties": {"a": {}}}, {"properties": {"b": {}}}, id="a pattern that says nothing"),
    ],
)
def test_what_no_instance_proves_is_no_break(old: Any, new: Any) -> None:
    assert changes(old, new) == []


@pytest.mark.parametrize(
    ("old", "new", "told", "witness"),
    [
        ({"type": "string", "enum": ["EUR", "USD"], "maxLength": 3}, {"enum": ["EUR"]}, "/enum: `USD` is", "USD"),
        ({"enum": [1, 5, 900]}, {"maximum": 100}, "/maximum: what is above 100 is refused now", 900),
        ({"enum": ["a", "b1"]}, {"pattern": "^[a-z]$"}, "/pattern: only texts that match `^[a-z]$` are", "b1"),
        (
            {"type": "object", "additionalProperties": {"type": "string"}},
            {"type": "object", "properties": {"bar": {"type": "number"}}},
            "/properties/bar/type: `string` is refused now",
            {"bar": ""},
        ),
        (
            {"type": "number", "multipleOf": 0.01, "maximum": 1000},
            {"type": "number", "multipleOf": 0.01, "maximum": 10},
            "/maximum: what is above 10 is refused now",
            1000,
        ),
        ({"type": "string"}, {"allOf": [{"type": "number"}]}, "/allOf/0/type: `string` is refused now", ""),
        ({}, {"type": "object"}, "/type: `integer` is refused now", 0),
        ({"type": "number"}, {"type": "integer"}, "/type: a `number` that is no integer is refused now", 0.5),
        ({"enum": [1, True]}, {"enum": [1]}, "/enum: `true` is refused now", True),
        ({"type": "boolean"}, {"const": True}, "/const: `false` is refused now", False),
        ({"type": "integer", "minimum": 5}, {"exclusiveMinimum": 5}, "/exclusiveMinimum: 5 and what is below", 5),
        ({"type": "integer", "minimum": 1, "maximum": 9}, {"enum": [1, 2, 3, 5, 6, 7, 8, 9]}, "/enum: `4` is", 4),
        ({"type": "string", "minLength": 1}, {"minLength": 2.0}, "/minLength: fewer than 2 characters", "a"),
        ({"pattern": "^[A-Z]{3}$", "type": "string"}, {"pattern": "^[A-Z]{2}$"}, "/pattern: only texts", "AAA"),
        ({"type": "array"}, {"uniqueItems": True}, "/uniqueItems: an entry that is there twice is refused now", [0, 0]),
        ({"type": "array", "items": {"type": "integer"}}, {"items": {"maximum": 3}}, "/items/maximum: what is", [4]),
        ({"type": "object"}, {"minProperties": 1}, "/minProperties: fewer than 1 fields are refused now", {}),
        (closed({"a/b": {}}), closed({}), "/properties/a~1b: this field is refused now", {"a/b": 0}),
        ({"type": "string"}, False, "/: nothing is accepted any more", ""),
        ({"type": "object"}, {"not": {"required": ["a"]}}, "/not: what is described here is refused now", {"a": 0}),
        (
            {"$schema": "http://json-schema.org/draft-04/schema#", "type": "integer", "maximum": 5},
            {"$schema": "http://json-schema.org/draft-04/schema#", "maximum": 5, "exclusiveMaximum": True},
            "/maximum: what is above 5 is refused now",
            5,
        ),
        (
            {"type": "object", "required": ["a"], "properties": {"a": {}, "b": {}}},
            {"type": "object", "properties": {"b": {}}},
            "/properties/a: this required field is gone: it is not read any more",
            {"a": 0},
        ),
    ],
)  # fmt: skip
def test_a_break_is_told_with_an_instance_that_proves_it(old: Any, new: Any, told: str, witness: Any) -> None:
    found = changes(old, new)
    assert [str(change)[: len(told)] for change in found[:1]] == [told], found
    assert json.loads(found[0].witness) == witness
    assert all(change.refuses for change in found) != ("is gone" in told)


def test_a_break_deep_inside_is_found() -> None:
    def nested(inside: Any) -> Any:
        for _ in range(8):
            inside = {"type": "object", "required": ["k", "n"], "properties": {"k": {"type": "string"}, "n": inside}}
        return inside

    (change,) = changes(nested({"type": "integer"}), nested({"type": "integer", "maximum": 5}))
    assert str(change).endswith("/properties/n/maximum: what is above 5 is refused now")


def test_a_break_of_one_field_of_many_is_found() -> None:
    def wide(last: Any) -> Any:
        kinds = [{"type": "string", "minLength": 1}, {"type": "number"}, {"enum": ["A"]}, {"items": {"type": "string"}}]
        fields = {f"f{number}": kinds[number % 4] for number in range(300)}
        properties = {name: {"$ref": f"#/$defs/{name}"} for name in fields}
        return {"required": [*fields], "properties": properties, "$defs": {**fields, "f299": last}}

    found = changes(wide({"type": "array", "maxItems": 9}), wide({"type": "array", "maxItems": 8}))
    assert [str(each) for each in found] == ["/properties/f299/maxItems: more than 8 entries are refused now"]


def test_definitions_that_hold_themselves_come_to_an_end() -> None:
    def tree(kind: str) -> Any:
        node = {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}, "value": {"type": kind}}}
        return {"$ref": "#/$defs/node", "$defs": {"node": node, "loop": {"$ref": "#/$defs/loop"}}}

    first = changes(tree("number"), tree("integer"))[0]
    assert (str(first), first.witness) == (
        "/properties/value/type: a `number` that is no integer is refused now",
        '{"value": 0.5}',
    )
    loop = {"$ref": "#/$defs/loop", "$defs": {"loop": {"$ref": "#/$defs/loop"}}}
    assert changes(loop, {"type": "string"}) == changes({"type": "string"}, loop) == []


LOOPS: list[dict[str, Any]] = [
    {"$ref": "#"},
    {"if": {"$ref": "#"}},
    {"not": {"$ref": "#"}},
    {"anyOf": [{"$ref": "#"}, {"type": "string"}]},
    {"unevaluatedProperties": False, "allOf": [{"$ref": "#"}]},
    {"$ref": "#/$defs/d", "$defs": {"d": {"type": "array", "if": {}, "then": {"$ref": "#/$defs/d"}}}},
    {"$ref": "#/$defs/d", "$defs": {"d": {"type": "object", "oneOf": [{"type": "null"}, {"$ref": "#/$defs/d"}]}}},
]


@pytest.mark.parametrize("loop", LOOPS, ids=str)
def test_a_schema_that_leads_to_itself_without_end_is_compared(loop: Any) -> None:
    for other in ({"type": "object"}, {"type": "array"}, {}, loop | {"title": "the same"}):
        for pair in ((loop, other), (other, loop)):
            (answer,) = compare((spelled(pair[0]), spelled(pair[1])))
            assert "changes" in answer, answer


def test_only_fields_that_the_old_schema_lets_pass_with_any_value_prove_nothing() -> None:
    new = {"type": "object", "properties": {"a": {"type": "number"}}}
    assert changes({"type": "object"}, new) == []
    assert changes({"type": "object", "additionalProperties": {}}, new) == []
    assert changes({"type": "object", "additionalProperties": {"type": "string"}}, new) != []
    assert changes({"type": "object", "patternProperties": {"^a": {"type": "string"}}}, new) != []
    assert changes({"type": "object"}, {**new, "required": ["a"]}) != []
    assert changes({"type": "object"}, {**new, "additionalProperties": False}) != []


def test_that_time_ran_out_is_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    answers: Iterator[Any] = iter(
        [confined.StoppedError("time", "this was not run"), [{"changes": [[["type"], "words", "1", True]]}]]
    )

    def ask(*_: object) -> list[Any]:
        answer = next(answers)
        if isinstance(answer, confined.StoppedError):
            raise answer
        return [*answer]

    monkeypatch.setattr(confined, "ask", ask)
    pair = b'{"title": "of this test"}', b'{"title": "of this test", "type": "string"}'
    with pytest.raises(confined.StoppedError):
        comparison.breaks(*pair, "contracts/a.json")
    assert comparison.breaks(*pair, "contracts/a.json") == [ContractChange(("type",), "words", "1")]


def test_the_proof_is_bounded_and_harmless() -> None:
    (change,) = changes({"enum": ["\x1b[2J" + "x" * 5000]}, {"type": "number"})
    proof = change.witness_sentence("3.1", "3.2")
    assert proof.startswith("this request was accepted by 3.1 and is refused by 3.2: `")
    assert len(proof) < 400 and proof.isprintable()


# What is no schema.


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"[" * 200_000, "levels deep"),
        (b'{"items":' * 65 + b"{}" + b"}" * 65, "levels deep"),
        (b" " * (MAX_BYTES + 1), "longer than 1 MiB"),
        (b'{"maximum": 1' + b"0" * 5000 + b"}", "digits"),
        (b'{"maximum": NaN}', "NaN is not a number"),
        (b'{"a": 1, "a": 2}', "twice"),
        (b"\xff\xfe{}", "UTF-8"),
        (b"", "not JSON"),
        (b"12", "is not an object"),
        (b'{"properties": {"a": 1}}', "is not an object"),
        (b'{"properties": []}', "a mapping of names"),
        (b'{"$defs": {"a": {"type": "float"}}}', "`type` at /$defs/a"),
        (b'{"type": []}', "is not one of array"),
        (b'{"required": [1]}', "list of names"),
        (b'{"enum": 1}', "list of values"),
        (b'{"minLength": -1}', "whole number"),
        (b'{"minLength": true}', "whole number"),
        (b'{"multipleOf": 0}', "above 0"),
        (b'{"minimum": "1"}', "a number"),
        (b'{"pattern": 1}', "regular expression"),
        (b'{"$ref": 1}', "the name of a schema"),
    ],
)
def test_what_is_no_schema_is_refused(content: bytes, words: str) -> None:
    with pytest.raises(NotASchema, match=words.replace("$", r"\$")):
        read_schema(content)


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"anyOf": {}}, "this fails `type` of its metaschema"),
        ({"allOf": [{"not": 1}]}, "of its metaschema"),
        ({"dependentRequired": {"a": [1]}}, "of its metaschema"),
    ],
)
def test_what_its_metaschema_refuses_is_no_schema(schema: Any, words: str) -> None:
    with pytest.raises(comparison.FlawError, match=words) as told:
        comparison.breaks(spelled({}), spelled(schema), "contracts/a.json")
    assert told.value.which == 1 and told.value.path


# What is hostile.


def doubling(times: int) -> dict[str, Any]:
    parts = {f"d{at}": {"anyOf": [{"$ref": f"#/$defs/d{at + 1}"}] * 3} for at in range(times)}
    return {"$ref": "#/$defs/d0", "$defs": {**parts, f"d{times}": {"const": 1}}}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param({"type": "string"}, doubling(30), id="alternatives in alternatives"),
        pytest.param(doubling(30), {"type": "integer"}, id="alternatives in those of the old one"),
        pytest.param({"enum": ["a" * 40 + "!"]}, {"pattern": "^(a|a)*$"}, id="a pattern that does not end"),
        pytest.param({"const": {"a" * 40 + "!": 1}}, {"patternProperties": {"^(a|a)*$": {}}}, id="a pattern of names"),
    ],
)
def test_what_takes_too_long_is_stopped(old: Any, new: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROLLOUT_SPEC_SANDBOX_SECONDS", "0.5")
    with pytest.raises(confined.StoppedError):
        comparison.breaks(spelled(old), spelled(new), "contracts/a.json")


@pytest.mark.parametrize(
    ("old", "told"),
    [
        (b'{"enum": [1e400, 2]}', []),
        (b'{"enum": [[1e400], {"a": -1e400}, 2]}', []),
        (b'{"enum": [[1e400], [1], 2]}', ["[1]"]),
    ],
)
def test_a_witness_is_json_that_every_reader_reads(old: bytes, told: list[str]) -> None:
    (answer,) = compare((old, b'{"enum": [2]}'))
    assert [change[2] for change in answer["changes"]] == told


@pytest.mark.parametrize(
    "content",
    [
        b'{"type": "number", "minimum": -1e400, "multipleOf": 1e-400}',
        b'{"type": "number", "minimum": -1e999999999999, "multipleOf": 1e-999999999999}',
        b'{"maximum": 1' + b"0" * 4000 + b"}",
        b'{"type": "number", "multipleOf": 0.01, "maximum": 0.07}',
        b'{"enum": ["\\ud800", "\\u0000", "ok"]}',
        b'{"properties": {"\\ud800": {"type": "string"}, "\\u0000": {"type": "null"}}}',
        b'{"$id": "http://[", "$ref": "http://[", "type": "number"}',
        b'{"$dynamicRef": "#x", "unevaluatedProperties": false, "$anchor": "x"}',
        b'{"pattern": "[", "patternProperties": {"[": {}}}',
        b'{"enum": [' + b"[" * 60 + b"]" * 60 + b"]}",
    ],
)
def test_whatever_is_in_a_schema_is_compared(content: bytes) -> None:
    others = [b"{}", b'{"type": "string"}', b'{"type": "number", "maximum": 3}', b'{"enum": ["ok", 0.07]}', content]
    for other in others:
        for pair in ((content, other), (other, content)):
            (answer,) = compare(pair)
            assert "changes" in answer, answer


@pytest.mark.parametrize(
    "content",
    [
        b'{"$schema": "http://[", "type": "number"}',
        b'{"$schema": 5, "type": "number"}',
        b'{"$schema": 1.9, "$id": false}',
        b'{"$schema": "https://example.com/dialect", "type": "number"}',
        b'{"not": {"$schema": "https://example.com/dialect"}}',
        b'{"properties": {"properties": {"$schema": "http://json-schema.org/draft-07/schema#"}}}',
    ],
)
def test_a_dialect_that_is_not_known_cannot_be_compared(content: bytes) -> None:
    for pair in ((content, b'{"type": "string"}'), (b'{"type": "string"}', content)):
        assert list(compare(pair)) == [{"unknown": "dialect"}]
    with pytest.raises(confined.StoppedError, match="names no dialect that is known here"):
        comparison.breaks(b'{"type": "string"}', content, "contracts/2.json")


@pytest.mark.parametrize(
    "more",
    [
        {"properties": {"$schema": {"type": "string"}}},
        {"default": {"$schema": "x"}, "examples": [{"$schema": "x"}]},
        {"$schema": "https://json-schema.org/draft-07/schema#"},
        {"$schema": "http://json-schema.org/draft-07/schema"},
    ],
)
def test_what_names_no_other_dialect_is_compared(more: dict[str, Any]) -> None:
    assert changes({"type": "string"}, {**more, "type": "number"}) != []


def test_a_number_with_an_exponent_that_no_computer_has_is_no_schema() -> None:
    with pytest.raises(NotASchema, match=r"the exponent of 1e9+…"):
        read_schema(b'{"maximum": 1e' + b"9" * 400 + b"}")


def test_a_count_may_be_as_large_as_it_likes() -> None:
    assert changes({"type": "string", "maxLength": 1e50}, {"type": "number"}) != []


def test_a_multiple_that_readers_disagree_on_proves_nothing() -> None:
    """To a processor 0.07 is no multiple of 0.01, and to who reads digits it is."""
    assert changes({"enum": [0.07]}, {"multipleOf": 0.01}) == []
    assert changes({"enum": [0.07], "multipleOf": 0.01}, {"type": "string"}) == []
    assert changes({"enum": [0.075]}, {"multipleOf": 0.01}) != []


KEYWORDS: tuple[str, ...] = (
    "a",
    "$ref",
    "$id",
    "$schema",
    "$defs",
    "anyOf",
    "not",
    "if",
    "then",
    "prefixItems",
    "items",
    "enum",
    "type",
)
KEYWORDS += ("properties", "required", "pattern", "patternProperties", "minimum", "multipleOf", "maxItems", "contains")
anything = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-3, 3), st.floats(-3, 3), st.sampled_from(["#/$defs/a", "string"])),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(KEYWORDS), inner, max_size=4)),
    max_leaves=12,
)


@given(st.one_of(anything.map(spelled), st.binary(max_size=40)), anything.map(spelled))
def test_whatever_is_no_schema_is_said_to_be_none(content: bytes, other: bytes) -> None:
    for pair in ((content, other), (other, content)):
        (answer,) = compare(pair)
        assert {"changes", "flaw"} & answer.keys() or answer == {"unknown": "dialect"}


def test_an_equal_contract_starts_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confined, "ask", None)
    assert comparison.breaks(b"{}", b"{}", "contracts/a.json") == []


@pytest.mark.parametrize("contract", ["/etc/{version}", "../{version}", "a/{version}/b", r"a\{version}"])
def test_a_contract_lies_in_the_workspace(contract: str) -> None:
    assert place_of(contract, "..") is None
