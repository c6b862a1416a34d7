"""Required fields that the next schema does not mention, so that no version reads them any more."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from rollout_spec.core.findings import KeyPath
from rollout_spec.domain.contracts.judging import Judge
from rollout_spec.domain.contracts.naming import Naming
from rollout_spec.domain.contracts.patterns import is_portable
from rollout_spec.domain.contracts.reasons import Reason
from rollout_spec.domain.contracts.unlisted import with_values

_MESSAGE = "this required field is gone: it is not read any more"
_DEEPEST = 8


def gone(instance: Any, judges: tuple[Judge, Judge], names: tuple[Naming, Naming]) -> list[Reason]:
    """Return the fields of an instance that the old schema requires and the new one does not know.

    Both schemas accept the instance. The names of the fields are nowhere in the new schema. Without them the old schema
    refuses the instance; the new one accepts it without them and with any value in them.
    """
    candidates = names[0].required - names[1].texts
    if not candidates or not names[1].fields:
        return []
    return [
        (path, _MESSAGE)
        for path, holder, name in _fields(instance, ())
        if name in candidates and not _is_matched(name, names[1]) and _is_ignored(instance, holder, name, judges)
    ]


def _fields(data: Any, path: KeyPath) -> Iterator[tuple[KeyPath, dict[str, Any], str]]:
    if len(path) > 2 * _DEEPEST:
        return
    if isinstance(data, dict):
        for name, value in list(data.items()):
            yield (*path, "properties", name), data, name
            yield from _fields(value, (*path, "properties", name))
    elif isinstance(data, list):
        for value in data[:1]:
            yield from _fields(value, (*path, "items"))


def _is_matched(name: str, naming: Naming) -> bool:
    """Return whether a pattern may match a name."""
    return any(not is_portable(pattern) or re.search(pattern, name) for pattern in naming.patterns)


def _is_ignored(instance: Any, holder: dict[str, Any], name: str, judges: tuple[Judge, Judge]) -> bool:
    old, new = judges
    value = holder.pop(name)
    try:
        if old.accepts(instance) is not False or new.accepts(instance) is not True:
            return False
    finally:
        holder[name] = value
    return all(new.accepts(variant) for variant in with_values(instance, holder, name))
