"""Problems for the errors of pydantic: one for each key, with the nearest known name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from pydantic import BaseModel, ValidationError

from rollout_spec.core.findings import KeyPath, Problem
from rollout_spec.spec.field_names import fields_at, missing_field, unknown_field
from rollout_spec.spec.wrong_values import wrong_value


def problems(
    error: ValidationError, data: Any, model: type[BaseModel], bare: Callable[[KeyPath], str | None]
) -> Iterator[Problem]:
    """Yield one problem for each wrong key or value.

    ``bare`` returns the text of a scalar without quotes, or None.
    """
    faults = [(_path(fault["loc"], data), fault) for fault in error.errors(include_url=False)]
    missing: dict[KeyPath, set[str]] = {}
    for path, fault in faults:
        if fault["type"] == "missing":
            missing.setdefault(path, set()).add(str(fault["loc"][-1]))
    suggested: set[tuple[KeyPath, str]] = set()
    reported: set[KeyPath] = set()
    for path, fault in faults:
        if fault["type"] == "extra_forbidden":
            problem, name = unknown_field(path, fault["loc"], model, missing.get(path[:-1], set()), data)
            suggested.add((path[:-1], name))
            reported.add(path)
            yield problem
    for path, fault in faults:
        if fault["type"] == "extra_forbidden" or path in reported:
            continue
        if fault["type"] == "missing":
            name = str(fault["loc"][-1])
            if (path, name) not in suggested:
                known = [*fields_at(fault["loc"][:-1], model), *(other[-1] for other in reported if other[:-1] == path)]
                yield missing_field(path, name, fault["input"], known)
            continue
        reported.add(path)
        yield wrong_value(path, fault, bare)


def _path(loc: tuple[str | int, ...], data: Any) -> KeyPath:
    """Return the keys of a location of pydantic that exist in the data.

    Union tags and missing fields do not.
    """
    path: list[str | int] = []
    value = data
    for step in loc:
        if isinstance(value, dict):
            exists = step in value
        else:
            exists = isinstance(value, list) and isinstance(step, int) and step < len(value)
        if exists:
            value = value[step]
            path.append(step)
    return tuple(path)
