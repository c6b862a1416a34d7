"""JSON Schemas for editors, made from the models, so that both accept the same files.

They use two keywords of editors beside the standard ones: ``errorMessage``, shown for a wrong value instead of its
pattern, and ``markdownDescription``, a description with rendered markup.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from rollout_spec.spec import model_of

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_ORDER = (
    *("$schema", "title", "description", "markdownDescription", "type", "const", "enum", "format", "pattern"),
    *("minLength", "minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum", "items", "minItems", "maxItems"),
    *("properties", "required", "propertyNames", "additionalProperties", "minProperties", "maxProperties"),
    *("anyOf", "oneOf", "not", "if", "then", "else", "default", "examples", "errorMessage"),
)
_BOUNDS = {"gt": "exclusiveMinimum", "ge": "minimum", "lt": "exclusiveMaximum", "le": "maximum"}
_NULL = {"type": "null"}


def json_schema(kind: str) -> Schema:
    """Return the JSON Schema (Draft 2020-12) of a kind, without references and with keys in a fixed order."""
    schema = model_of(kind).model_json_schema(by_alias=True)
    definitions = schema.pop("$defs", {})
    return _ordered({"$schema": DIALECT, **_with_editor_keywords(_clean(schema, definitions)), "title": kind})


def _clean(node: Any, definitions: Schema) -> Any:
    """Simplify a schema of pydantic. Keywords of a field win over those of its type."""
    if not isinstance(node, dict):
        return node
    node = dict(node)
    while "$ref" in node:
        name = node.pop("$ref").rpartition("/")[2]
        node = {**definitions[name], **node}
    if "properties" not in node:  # editors show the title of a block above its fields
        node.pop("title", None)
    if node.get("default", ...) is None:
        del node["default"]
    if node.get("examples") == ["…"]:
        del node["examples"]
    for theirs, ours in _BOUNDS.items():
        if theirs in node:
            node[ours] = node.pop(theirs)
    if "const" in node or "enum" in node:
        node.pop("type", None)
    for pattern, values in node.pop("patternProperties", {}).items():  # our mappings have one pattern of keys
        node["propertyNames"] = {"pattern": pattern, **node.get("propertyNames", {})}
        node["additionalProperties"] = values
    tag = node.pop("discriminator", {}).get("propertyName")
    for key, value in node.items():
        if key == "properties":
            node[key] = {name: _clean(field, definitions) for name, field in value.items()}
        elif key in ("anyOf", "oneOf"):
            node[key] = [_clean(option, definitions) for option in value]
        elif key in ("items", "additionalProperties", "propertyNames", "not", "if", "then", "else"):
            node[key] = _clean(value, definitions)
    if tag:
        node["oneOf"] = _tagged(node["oneOf"], tag)
    return _ordered(_flat(node) if "anyOf" in node else node)


def _tagged(options: Sequence[Schema], field: str) -> list[Schema]:
    """Name each alternative by its tag, and list all tags in the message for an unknown one."""
    tags = [option["properties"][field]["const"] for option in options]
    message = {"errorMessage": f"expected {', '.join(f'`{tag}`' for tag in tags[:-1])} or `{tags[-1]}`"}
    schemas = []
    for option, tag in zip(options, tags, strict=True):
        properties = option["properties"] | {field: _ordered(option["properties"][field] | message)}
        schemas.append(_ordered({**option, "title": tag, "properties": properties}))
    return schemas


def _with_editor_keywords(node: Any) -> Any:
    """Add ``markdownDescription``, and complete ``errorMessage``."""
    if isinstance(node, list):
        return [_with_editor_keywords(item) for item in node]
    if not isinstance(node, dict):
        return node
    node = {key: _with_editor_keywords(value) for key, value in node.items()}
    own: Schema = {}
    description, message = node.get("description"), node.get("errorMessage")
    if isinstance(description, str) and "`" in description:
        own["markdownDescription"] = description
    if isinstance(message, str) and "in quotes" not in message and re.match(node.get("pattern", "$"), "1"):
        own["errorMessage"] = f"{message}; write a number in quotes"
    return _ordered(node | own) if own else node


def _flat(node: Schema) -> Schema:
    """Merge alternatives of different types into one schema.

    A keyword constrains only values of its own type.
    """
    options = [option for option in node["anyOf"] if option != _NULL]
    nullable = len(options) < len(node["anyOf"])
    if len(options) == 1 and "anyOf" in options[0]:
        return {**options[0], **node, "anyOf": [*options[0]["anyOf"], _NULL]}
    outer = {key: value for key, value in node.items() if key != "anyOf"}
    if len(options) == 1 and ("const" in options[0] or "enum" in options[0]):
        choices = options[0].get("enum") or [options[0]["const"]]
        keywords = {key: value for key, value in options[0].items() if key != "const"}
        return {**keywords, **outer, "enum": [*choices, None] if nullable else choices}
    types: list[str] = []
    for option in options:
        types += option["type"] if isinstance(option["type"], list) else [option["type"]]
        outer = {**option, **outer}
    return {**outer, "type": [*types, "null"] if nullable else types}


def _ordered(node: Schema) -> Schema:
    return {key: node[key] for key in sorted(node, key=_ORDER.index)}
