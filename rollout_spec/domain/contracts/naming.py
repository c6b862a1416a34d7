"""The names and patterns in a schema, wherever they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Naming:
    """The names in a document: its ``fields``, ``required`` fields and ``texts``.

    ``fields`` are named by ``properties``, ``required`` ones somewhere; ``texts`` are all texts and keys.
    """

    fields: frozenset[str]
    required: frozenset[str]
    texts: frozenset[str]
    patterns: frozenset[str]


def naming(schema: Any) -> Naming:
    """Return the names and patterns in a schema."""
    fields, required, texts, patterns = (set[str]() for _ in range(4))
    todo = [schema]
    while todo:
        node = todo.pop()
        if isinstance(node, dict):
            texts.update(node)
            fields.update(_keys(node.get("properties")))
            patterns.update(_keys(node.get("patternProperties")))
            needed = node.get("required")
            required.update(name for name in (needed if isinstance(needed, list) else ()) if isinstance(name, str))
            todo += node.values()
        elif isinstance(node, list):
            todo += node
        elif isinstance(node, str):
            texts.add(node)
    return Naming(*map(frozenset, (fields, required, texts, patterns)))


def _keys(value: Any) -> list[str]:
    return list(value) if isinstance(value, dict) else []
