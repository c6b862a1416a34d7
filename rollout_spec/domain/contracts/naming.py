"""The names and patterns in a schema, wherever they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Naming:
    """``fields`` are named by ``properties``, ``required`` ones somewhere; ``texts`` are all texts and keys."""

    fields: frozenset[str]
    required: frozenset[str]
    texts: frozenset[str]
    patterns: frozenset[str]


def naming(schema: Any) -> Naming:
    """Return the names and patterns in a schema."""
    fields, required, texts, patterns = (set[str]() for _ in range(4))
    todo = [schema]
    while todo:
        each = todo.pop()
        if isinstance(each, dict):
            texts.update(each)
            fields.update(_keys(each.get("properties")))
            patterns.update(_keys(each.get("patternProperties")))
            needed = each.get("required")
            required.update(name for name in (needed if isinstance(needed, list) else ()) if isinstance(name, str))
            todo += each.values()
        elif isinstance(each, list):
            todo += each
        elif isinstance(each, str):
            texts.add(each)
    return Naming(*map(frozenset, (fields, required, texts, patterns)))


def _keys(value: Any) -> list[str]:
    return list(value) if isinstance(value, dict) else []
