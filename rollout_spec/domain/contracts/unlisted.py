"""Fields that a schema leaves open. Callers do not send a field that only a later version names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rollout_spec.domain.contracts.judging import Judge
from rollout_spec.domain.contracts.naming import Naming

ANYTHING: tuple[Any, ...] = (None, True, 0, "", [], {})
"""A value of each type."""


def rests_on_open_fields(instance: Any, old: Judge, names: tuple[Naming, Naming]) -> bool:
    """Return whether an instance has a field that only the new schema names and the old one leaves open.

    An object is open unless a schema closes it. So each field that a version adds with a type refuses something that
    was accepted, and adding fields is how a schema grows.
    """
    added = names[1].fields - names[0].fields
    if not added:
        return False
    return any(
        all(old.accepts(variant) for variant in with_values(instance, holder, name))
        for holder, name in _fields(instance)
        if name in added
    )


def with_values(instance: Any, holder: dict[str, Any], name: str) -> Iterator[Any]:
    """Give the instance with a value of each type in one field of an object in it."""
    value = holder[name]
    try:
        for other in ANYTHING:
            holder[name] = other
            yield instance
    finally:
        holder[name] = value


def _fields(data: Any) -> Iterator[tuple[dict[str, Any], str]]:
    todo = [data]
    while todo:
        node = todo.pop()
        if isinstance(node, dict):
            yield from [(node, name) for name in node]
            todo += node.values()
        elif isinstance(node, list):
            todo += node
