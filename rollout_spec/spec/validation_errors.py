"""What pydantic says about a model is told again in the user's terms: at a key, once each, with the nearest name."""

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
    """Give one problem for each thing that is wrong; ``bare(path)`` is the text of a scalar that has no quotes."""
    faults = [(_path(fault["loc"], data), fault) for fault in error.errors(include_url=False)]
    missing: dict[KeyPath, set[str]] = {}
    for path, fault in faults:
        if fault["type"] == "missing":
            missing.setdefault(path, set()).add(str(fault["loc"][-1]))
    meant: set[tuple[KeyPath, str]] = set()
    told: set[KeyPath] = set()
    for path, fault in faults:
        if fault["type"] == "extra_forbidden":
            problem, name = unknown_field(path, fault["loc"], model, missing.get(path[:-1], set()), data)
            meant.add((path[:-1], name))
            told.add(path)
            yield problem
    for path, fault in faults:
        if fault["type"] == "extra_forbidden" or path in told:
            continue
        if fault["type"] == "missing":
            name = str(fault["loc"][-1])
            if (path, name) not in meant:
                known = [*fields_at(fault["loc"][:-1], model), *(each[-1] for each in told if each[:-1] == path)]
                yield missing_field(path, name, fault["input"], known)
            continue
        told.add(path)
        yield wrong_value(path, fault, data, bare)


def _path(loc: tuple[str | int, ...], data: Any) -> KeyPath:
    """Turn pydantic's location into keys of the data: union tags are no keys, and a missing field is not there yet."""
    path: list[str | int] = []
    here = data
    for step in loc:
        if isinstance(here, dict):
            there = step in here
        else:
            there = isinstance(here, list) and isinstance(step, int) and step < len(here)
        if there:
            here = here[step]
            path.append(step)
    return tuple(path)
