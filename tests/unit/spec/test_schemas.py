"""An editor and ``check`` say the same of a file: the JSON Schemas are made from the models, and nothing is lost.

``ROLLOUT_SPEC_UPDATE=1 pytest tests/test_schemas.py`` writes ``schemas/`` anew.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Any, get_origin

import folders
import pytest
from jsonschema import Draft202012Validator
from nested_data import accepts, at, paths_of, plain, removed, renamed, replaced
from pydantic import TypeAdapter, ValidationError
from schema_files import SCHEMAS, file_of

from rollout_spec.core.findings import KeyPath
from rollout_spec.core.yaml.document import parse
from rollout_spec.spec import KINDS, fields, model_of, quantities
from rollout_spec.spec.json_schema import json_schema

GOOD = {file.stem: parse(file.read_bytes()).data for file in (folders.TESTS / "good").glob("*.yaml")}
FULL = sorted(name for name in GOOD if name != "rollout")  # the long example adds no field and most of the time
CHOSEN = {"versions", "metrics", "severity", "labels", "requires", "env", "monitors", "oci"}
"""The fields whose keys a user chooses."""
FIELDS = {
    name: TypeAdapter(field)
    for module in (fields, quantities)
    for name, field in vars(module).items()
    if get_origin(field) is Annotated
}

VALUES: tuple[Any, ...] = (
    *({}, {"x": "y"}, [], ["x"], "", "text", "x" * 5000),
    *(Decimal("1.5"), 7, -1, 0, True, None),
)
SPELLINGS = (
    *("0%", "5%", "100%", "100.0%", "100.5%", "101%", "05%", "5 %", "-5%", "0.00001%", "0.00010%", "0.000%", "5"),
    *("0s", "1h30m", "30m1h", "250ms", "1.5h", "1 h", "1w", "2026-11-20T10:15:00Z", "2026-11-20", "2026-11-20T10:15Z"),
    *("x" * 63, "x" * 64, "x" * 128, "x" * 129, "a-b", "-a", "a_b", "a.b", "A", "1.10", "1 0", "é", " ", " a ", "a\nb"),
    *("sha256:" + "1" * 64, "sha256:" + "1" * 63, "sha256:" + "A" * 64, ">=1.4,<2", "==1.*", ">=", ">=1.4,", "~=1"),
    *("https://example.com/a?b=c#d", "http://a b", "https://", "ftp://a", "500m", "4Gi", "4gi", "1.", "*.a.b", "a..b"),
    *(
        "refs/../x",
        "a.lock",
        "a/b",
        "a/",
        "deadbeef",
        "DEADBEEF",
        "{version}",
        "rollout-spec/v1",
        "threshold",
        "manual",
    ),
)


@pytest.mark.parametrize("kind", KINDS)
def test_the_shipped_schema_is_made_from_the_model(kind: str) -> None:
    text = json.dumps(json_schema(kind), indent=2, ensure_ascii=False) + "\n"
    if os.environ.get("ROLLOUT_SPEC_UPDATE") == "1":
        file_of(kind).write_text(text, "utf-8")
    assert file_of(kind).read_text("utf-8") == text


def test_each_kind_has_a_schema_and_nothing_else_has() -> None:
    assert {file.name for file in SCHEMAS.iterdir()} == {file_of(kind).name for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
def test_a_schema_is_a_schema(kind: str) -> None:
    schema = json_schema(kind)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    Draft202012Validator.check_schema(schema)


def subschemas(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, schema
    for name, field in schema.get("properties", {}).items():
        yield from subschemas(field, f"{path}.{name}")
    for key in ("items", "additionalProperties", "propertyNames", "not", "if", "then", "else"):
        if isinstance(schema.get(key), dict):
            yield from subschemas(schema[key], f"{path}/{key}")
    for key in ("anyOf", "oneOf", "allOf"):
        for number, option in enumerate(schema.get(key, ())):
            yield from subschemas(option, f"{path}/{key}[{number}]")


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_is_described(kind: str) -> None:
    silent = [
        f"{path}.{name}"
        for path, schema in subschemas(json_schema(kind))
        if "additionalProperties" in schema
        for name, field in schema.get("properties", {}).items()
        if not field.get("description", "").strip()
    ]
    assert silent == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_schema_has_no_noise(kind: str) -> None:
    known = {*json_schema_words(), "errorMessage", "markdownDescription"}
    for path, schema in subschemas(json_schema(kind)):
        assert set(schema) <= known, f"{path} has {set(schema) - known}"
        assert ("title" in schema) == ("additionalProperties" in schema and "properties" in schema), path
        assert schema.get("default", "") is not None, path
        assert not {"anyOf", "allOf"} & set(schema), f"{path}: an editor shows one type better than alternatives"


def json_schema_words() -> Iterator[str]:
    """Give the keywords of Draft 2020-12, as its metaschema knows them."""
    from jsonschema_specifications import REGISTRY

    for name in ("core", "applicator", "validation", "meta-data", "format-annotation"):
        yield from REGISTRY.contents(f"https://json-schema.org/draft/2020-12/meta/{name}")["properties"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_field_with_few_values_lists_them(kind: str) -> None:
    listed = {path for path, schema in subschemas(json_schema(kind)) if "enum" in schema or "const" in schema}
    assert {".apiVersion", ".kind", ".metadata.tier"} <= listed
    own = {
        "ModelRollout": {".spec.rollback.merge", ".spec.stages/items.approval"},
        "Component": {".spec.type", ".spec.appliedBy"},
        "Incident": {".spec.status", ".spec.verdict"},
        "Workspace": {".spec.forge.type", ".spec.automation.mode", ".spec.severity/additionalProperties"},
        "PolicyPack": {".spec.policies/items.severity"},
    }
    assert own[kind] <= listed


def test_a_trigger_is_one_of_its_types() -> None:
    branches = json_schema("ModelRollout")["properties"]["spec"]["properties"]["triggers"]["items"]["oneOf"]
    types = ["threshold", "latency", "comparison", "offline", "manual"]
    assert [branch["properties"]["type"]["const"] for branch in branches] == types
    assert [branch["title"] for branch in branches] == types
    assert all("type" in branch["required"] for branch in branches)


@pytest.mark.parametrize("kind", KINDS)
def test_patterns_mean_the_same_in_javascript(kind: str) -> None:
    for path, schema in subschemas(json_schema(kind)):
        pattern = schema.get("pattern", "^$")
        assert pattern.startswith("^") and pattern.endswith("$"), path
        assert not re.search(r"\\[^\^$\\.*+?()\[\]{}|/dDwWsSnrt]|\(\?[^:=!]", pattern), f"{path}: {pattern}"


@pytest.mark.parametrize("kind", KINDS)
def test_examples_and_defaults_are_valid(kind: str) -> None:
    for path, schema in subschemas(json_schema(kind)):
        for example in schema.get("examples", []) + ([schema["default"]] if "default" in schema else []):
            assert Draft202012Validator(schema).is_valid(example), f"{path}: {example}"


def test_the_good_documents_use_every_field() -> None:
    written = {named(GOOD[name]["kind"], path) for name in GOOD for path in paths_of(GOOD[name])}
    unused = [
        f"{kind}{path}.{name}"
        for kind in KINDS
        for path, schema in subschemas(json_schema(kind))
        if "additionalProperties" in schema
        for name in schema.get("properties", {})
        if f"{kind}{re.sub('/[A-Za-z]*', '.*', re.sub(r'/oneOf.[0-9].', '', path))}.{name}" not in written
    ]
    assert unused == []


def named(kind: str, path: KeyPath) -> str:
    """Spell a place as ``subschemas`` does: entries, and keys that a user chooses, are ``*``."""
    steps = [
        "*" if isinstance(step, int) or parent in CHOSEN else step
        for parent, step in zip(("", *path), path, strict=False)
    ]
    return ".".join([kind, *map(str, steps)])


def disagreement(kind: str, data: Any, changed: KeyPath) -> str | None:
    """Return who refuses what the other one accepts."""
    by_schema = accepts(kind, data, changed)
    try:
        model_of(kind).model_validate(data)
    except ValidationError as error:
        return f"only the model refuses: {error.errors()[0]['msg']}" if by_schema else None
    return None if by_schema else "only the schema refuses"


def mutations(data: Any) -> Iterator[tuple[str, KeyPath, Any]]:
    for path in paths_of(data):
        here = at(data, path)
        if isinstance(here, dict):
            yield "unknown", (*path, "unknownKey"), replaced(data, (*path, "unknownKey"), 1)
        if not path:
            continue
        yield "removed", path, removed(data, path)
        if isinstance(path[-1], str):
            yield "renamed", path, renamed(data, path, f"{path[-1]}x")
        for value in VALUES:
            yield f"{value!r:.20}", path, replaced(data, path, value)


@pytest.mark.parametrize("name", sorted(GOOD))
def test_schema_and_model_accept_the_good_documents(name: str) -> None:
    data = GOOD[name]
    assert accepts(data["kind"], data)
    model_of(data["kind"]).model_validate(data)


@pytest.mark.parametrize("name", FULL)
def test_schema_and_model_refuse_the_same_structures(name: str) -> None:
    kind = GOOD[name]["kind"]
    told = [(path, what, disagreement(kind, data, path)) for what, path, data in mutations(GOOD[name])]
    assert [row for row in told if row[2]] == []
    assert len(told) > 100


@pytest.mark.parametrize("name", FIELDS)
def test_schema_and_model_refuse_the_same_spellings(name: str) -> None:
    """No spelling ends with a line break, which Python's ``$`` accepts and JavaScript's does not."""
    by_schema = Draft202012Validator(FIELDS[name].json_schema())
    for value in (*SPELLINGS, *VALUES):
        try:
            FIELDS[name].validate_python(value)
        except ValidationError as error:
            assert not by_schema.is_valid(plain(value)), f"only the model refuses {value!r}: {error}"
        else:
            assert by_schema.is_valid(plain(value)), f"only the schema refuses {value!r}"


@pytest.mark.parametrize("name", FULL)
def test_schema_and_model_refuse_the_same_keys(name: str) -> None:
    data = GOOD[name]
    places = [path for path in paths_of(data) if path[-2:-1] and path[-2] in CHOSEN]
    told = [
        (path, text, disagreement(data["kind"], renamed(data, path, text), path))
        for path in places
        for text in SPELLINGS
    ]
    assert [row for row in told if row[2]] == []


@pytest.mark.parametrize(
    ("name", "path", "text", "words"),
    [
        ("incident", ("spec", "observedAt"), "2026-02-30T00:00:00Z", "day is out of range for month"),
        ("rollout", ("spec", "rollback", "window"), "999999999d24h", "too long"),
    ],
)
def test_only_the_model_knows_the_calendar(name: str, path: KeyPath, text: str, words: str) -> None:
    """A pattern knows digits: neither how many days a month has, nor that hours add up to days."""
    data = replaced(GOOD[name], path, text)
    assert words in (disagreement(data["kind"], data, path) or "")
