"""Sample rollouts for the check of expressions, made from the models.

One has all fields, one has the required ones. Every text in a sample is the same word, so that names lead somewhere:
``versions[live.stable]`` exists.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from rollout_spec.checks.policies import cel_values as view
from rollout_spec.checks.policies.cel import bind
from rollout_spec.checks.policies.types import IN_FLIGHT, fields_of, is_split, options
from rollout_spec.spec import model_of
from rollout_spec.spec.quantities import Limit

WORD = "x"
_NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
_VALUES: dict[Any, Any] = {
    str: WORD,
    int: 1,
    bool: True,
    Decimal: 1.0,
    Limit: 1.0,
    timedelta: view.duration(timedelta(hours=1)),
    datetime: view.time(_NOW),
    Any: WORD,
}


@cache
def full() -> Any:
    """Return a rollout with all fields and all objects that belong to it, bound for programs."""
    workspace = {**_record(model_of("Workspace"), True), IN_FLIGHT: [WORD]}
    rollout, component, incident = (_record(model_of(kind), True) for kind in ("ModelRollout", "Component", "Incident"))
    return _bound(rollout, rollout, {WORD: component}, [incident], workspace)


@cache
def minimal() -> Any:
    """Return a new rollout with the required fields, in a workspace without other objects."""
    workspace = {**_record(model_of("Workspace"), False), IN_FLIGHT: []}
    return _bound(_record(model_of("ModelRollout"), False), None, {}, [], workspace)


def _bound(rollout: Any, base: Any, components: Any, incidents: Any, workspace: Any) -> Any:
    return bind(
        {
            "rollout": rollout,
            "base": base,
            "components": components,
            "incidents": incidents,
            "workspace": workspace,
            "now": view.time(_NOW),
        }
    )


def _record(model: type[BaseModel], everything: bool, siblings: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return a sample of a model; ``siblings`` are the fields of the other models in its union."""
    fields = {alias: _field(field, everything) for _, alias, field in fields_of(model)}
    return {**dict.fromkeys(siblings), **fields}


def _field(field: FieldInfo, everything: bool) -> Any:
    if is_split(field.annotation):
        return 100.0  # the only stage of a sample is the last one, with all traffic
    if everything or field.is_required():
        return _sample(field.annotation, everything)
    default = field.get_default(call_default_factory=True, validated_data={})
    if isinstance(default, BaseModel):
        return view.view(default)
    return view.duration(default) if isinstance(default, timedelta) else view.plain(default)


def _sample(annotation: Any, everything: bool) -> Any:
    types, _ = options(annotation)
    if len(types) > 1:
        return _variants(types, everything)[0]
    origin, arguments = get_origin(types[0]), get_args(types[0])
    if origin is Literal:
        return arguments[0]
    if origin is list:
        return _variants(options(arguments[0])[0], everything)
    if origin is dict:
        return {WORD: _sample(arguments[1], everything)}
    if isinstance(types[0], type) and issubclass(types[0], BaseModel):
        return _record(types[0], everything)
    return _VALUES[types[0]]


def _variants(types: list[Any], everything: bool) -> list[Any]:
    """Return one sample of each type of a union."""
    if len(types) == 1:
        return [_sample(types[0], everything)]
    names = tuple({alias: None for model in types for _, alias, _ in fields_of(model)})
    return [_record(model, everything, names) for model in types]
