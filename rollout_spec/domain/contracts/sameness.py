"""The parts of two schemas that are the same, together with the parts that they refer to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from rollout_spec.domain.contracts.json_schema import Schema

Target = Callable[[str], Schema | None]


class Sameness:
    """The references that lead to equal schemas in both documents.

    ``targets`` resolve a reference in each.
    """

    def __init__(self, schemas: tuple[Schema, Schema], targets: tuple[Target, Target]) -> None:
        names = {name for schema in schemas for name in _references(schema)}
        pairs = {name: (targets[0](name), targets[1](name)) for name in names}
        inside = {name: set(_references(old)) for name, (old, new) in pairs.items() if old == new and old is not None}
        while unlike := [name for name, needed in inside.items() if not needed <= inside.keys()]:
            for name in unlike:
                del inside[name]
        self._same = inside.keys()

    def holds(self, old: list[Schema], new: list[Schema]) -> bool:
        """Return whether both lists of schemas are the same, with their references."""
        return old == new and all(name in self._same for schema in old for name in _references(schema))


def _references(data: Any) -> Iterator[str]:
    todo = [data]
    while todo:
        node = todo.pop()
        if isinstance(node, dict):
            yield from (node[name] for name in ("$ref", "$dynamicRef") if isinstance(node.get(name), str))
            todo += node.values()
        elif isinstance(node, list):
            todo += node
