"""The page with all fields of all files: ``docs/fields.md``."""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Iterable
from typing import Any, get_args

from field_reference import Field, Section, fields_of, sections, summary_of, value_types
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from rollout_spec.core.yaml.document import parse
from rollout_spec.spec.kinds import FOLDERS, PAUSE, PAUSE_FILE, WORKSPACE_FILE

_PLAIN = {"str": "text", "bool": "`true`, `false`", "int": "whole number", "Any": "any value", "Number": "number"}
_PLAIN |= {"Integer": "whole number", "Pattern": "regular expression"}
_WORDS = {"Url": "link", "MetricName": "metric name", "HeaderName": "header name", "HeaderValue": "header value"}
_WORDS |= {"EnvName": "variable name", "OciHost": "registry host", "Ref": "git name", "Split": "share of traffic"}
_WORDS |= {"Chance": "probability", "Expiry": "date or time"}
_UNITS = {
    "Share": "percent",
    "Split": "percent of the requests",
    "Chance": "percent",
    "Bound": "percent, or the unit of the metric",
    "Duration": "`ms`, `s`, `m`, `h`, `d`",
    "Time": "RFC 3339, with a zone",
    "Expiry": "day in UTC, or RFC 3339",
    "Quantity": "those of Kubernetes: `m`, `Ki`, `Mi`, `Gi` …",
}
_FILES = {kind: f"{folder}/<name>.yaml" for folder, kind in FOLDERS.items()}
_FILES |= {"Workspace": WORKSPACE_FILE, PAUSE: PAUSE_FILE, "Target": "templates/<name>/target.yaml"}
_MOST_EXAMPLES = 2
_HEAD = """# Fields

Every field of every file that you write: its meaning, type, default and example. A field without a default is required.
[Values](#values) has the spelling and the unit of each type. Editors show the same text, from the
[JSON Schemas](ci.md#editor). This page is generated from the models.
"""
_VALUES = """## Values

A value has one spelling. Another one is a finding that says the expected spelling.

| type | spelling | unit | example |
|---|---|---|---|
"""

Anchors = dict[type[BaseModel], str]


def page() -> str:
    """Return the page."""
    found = sections()
    anchors = {section.model: section.anchor for section in found}
    files = "".join(f"| [{kind}](#{kind.lower()}) | `{file}` |\n" for kind, file in _FILES.items())
    parts = [_HEAD, f"| kind | file |\n|---|---|\n{files}"]
    parts += [_section(section, anchors) for section in found]
    return "\n".join([*parts, _VALUES + "".join(_value_row(*each) for each in sorted(value_types().items()))])


def _section(section: Section, anchors: Anchors) -> str:
    level = "##" if section.title in _FILES else "###"
    file = f" The file is `{_FILES[section.title]}`." if section.title in _FILES else ""
    head = f"{level} {section.title}\n\n{summary_of(section.model)}{file}\n\n"
    table = "| field | meaning | type | default | example |\n|---|---|---|---|---|\n"
    return head + table + "".join(_row(field, anchors) for field in fields_of(section.model))


def _row(field: Field, anchors: Anchors) -> str:
    cells = (
        f"`{field.key}`",
        field.description,
        _words(field, field.annotation, anchors),
        _default(field),
        _example(field, anchors),
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def _value_row(name: str, schema: dict[str, Any]) -> str:
    examples = ", ".join(_code(each) for each in schema["examples"][:_MOST_EXAMPLES] if each != "…")
    description = schema["description"][:1].upper() + schema["description"][1:].removesuffix(".")
    return f"| {_word(name)} | {description}. | {_UNITS.get(name, '')} | {examples} |\n"


def _default(field: Field) -> str:
    extra = field.info.json_schema_extra
    if isinstance(extra, dict) and "default" in extra:
        return _code(extra["default"])
    if field.info.is_required():
        return "required"
    if field.info.default is PydanticUndefined:
        return "that of each field"
    return "absent" if field.info.default is None else "empty" if not _is_given(field) else _code(field.info.default)


def _is_given(field: Field) -> bool:
    return bool(field.info.default) or isinstance(field.info.default, bool | int)


def _example(field: Field, anchors: Anchors) -> str:
    if field.examples:
        return ", ".join(map(_code, field.examples[:_MOST_EXAMPLES]))
    return ", ".join(f"[below](#{anchors[each]})" for each in field.blocks[:1])


def _words(field: Field, node: ast.expr, anchors: Anchors) -> str:
    """Return a type in words, with links to its block or to the spelling of its values."""
    text = ast.unparse(node)
    if isinstance(node, ast.BinOp):
        return _words(field, node.left, anchors)
    if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
        inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        return _words_of_group(field, node.value.id, inner, anchors)
    if text in _PLAIN:
        return _PLAIN[text]
    if text in value_types():
        return f"[{_word(text)}](#values)"
    if field.blocks:
        return " or ".join(_block(each, anchors, alone=len(field.blocks) == 1) for each in field.blocks)
    choices = get_args(getattr(sys.modules[field.module], text))
    assert choices, f"no words for the type {text} of {field.key}"
    return _choices(choices if isinstance(choices[0], str) else get_args(choices[0]))


def _words_of_group(field: Field, outer: str, inner: list[ast.expr], anchors: Anchors) -> str:
    if outer == "Literal":
        return _choices(part.value for part in inner if isinstance(part, ast.Constant))
    words = [_words(field, part, anchors) for part in inner if outer != "Annotated" or part is inner[0]]
    return (
        f"list of {words[0]}"
        if outer == "list"
        else "mapping of " + " to ".join(words)
        if outer == "dict"
        else words[0]
    )


def _block(model: type[BaseModel], anchors: Anchors, *, alone: bool) -> str:
    return f"[{'block' if alone else anchors[model].rpartition('-')[2]}](#{anchors[model]})"


def _choices(values: Iterable[Any]) -> str:
    return ", ".join(f"`{each}`" for each in values)


def _word(name: str) -> str:
    return _WORDS.get(name) or name.lower()


def _code(value: Any) -> str:
    return f"`{_flow(value)}`"


def _flow(value: Any) -> str:
    """Return a value as YAML in one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_flow(key)}: {_flow(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if not isinstance(value, str):
        return str(value)
    document = parse(f"[{value}]".encode())
    return value if document.data == [value] and not document.problems else json.dumps(value, ensure_ascii=False)
