"""The types that an expression sees, derived from the models, so that a new field is visible at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache, reduce
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from rollout_spec.spec import model_of
from rollout_spec.spec.quantities import Limit, Split

TEXT, NUMBER, BOOLEAN = "text", "number", "boolean"
DURATION, TIME, LIST, MAPPING, NULL = "duration", "time", "list", "mapping", "null"
_KINDS: dict[Any, str] = {
    str: TEXT,
    int: NUMBER,
    Decimal: NUMBER,
    Limit: NUMBER,
    bool: BOOLEAN,
    timedelta: DURATION,
    datetime: TIME,
}


@dataclass(frozen=True)
class Shape:
    """The type of a value: one of ``kinds``, or unknown without any.

    ``fields`` are those of a mapping with known keys. ``item`` is the type of the entries of a list, or of a mapping
    with any keys. ``choices`` are all texts that it has.
    """

    kinds: frozenset[str] = frozenset()
    fields: Mapping[str, Shape] | None = None
    item: Shape | None = None
    choices: frozenset[str] | None = None

    def __or__(self, other: Shape) -> Shape:
        if not self.kinds or not other.kinds:
            return ANY
        fields, item = self.fields, self.item or other.item
        if self.fields is not None and other.fields is not None:
            names = {**self.fields, **other.fields}
            common = {name for name in names if name in self.fields and name in other.fields}
            fields = {name: self.fields[name] | other.fields[name] if name in common else names[name] for name in names}
        elif other.fields is not None:
            fields = other.fields
        if self.item and other.item:
            item = self.item | other.item
        choices_of = [shape.choices for shape in (self, other) if TEXT in shape.kinds]
        known_choices = [choices for choices in choices_of if choices is not None]
        choices = frozenset().union(*known_choices) if known_choices and len(known_choices) == len(choices_of) else None
        return Shape(self.kinds | other.kinds, fields, item, choices)

    def may_be(self, *kinds: str) -> bool:
        """Return whether a value of this type may be one of these kinds."""
        return not self.kinds or bool(self.kinds.intersection(kinds))

    def __str__(self) -> str:
        return " or ".join(_ARTICLES.get(kind, f"a {kind}") for kind in sorted(self.kinds - {NULL})) or NULL


_ARTICLES = {BOOLEAN: "true or false"}
ANY = Shape()


def of(kind: str, item: Shape | None = None) -> Shape:
    """Return the type of one kind."""
    return Shape(frozenset({kind}), item=item)


def options(annotation: Any) -> tuple[list[Any], bool]:
    """Return the types that a field may have, and whether it may be null."""
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) not in (Union, UnionType):
        return [annotation], annotation in (NoneType, Any)
    parts = [options(part) for part in get_args(annotation)]
    types = [part for types_of_part, _ in parts for part in types_of_part if part is not NoneType]
    return types, any(optional for _, optional in parts)


def is_split(annotation: Any) -> bool:
    """Return whether this is a share of traffic, which is 0% if absent."""
    return annotation == Split or Split in get_args(annotation)


def fields_of(model: type[BaseModel]) -> Iterator[tuple[str, str, FieldInfo]]:
    """Yield the fields of a model: the name in Python, the name in YAML, and the field."""
    for name, field in model.model_fields.items():
        yield name, field.alias or name, field


def shape_of(annotation: Any) -> Shape:
    """Return the type of a Python annotation."""
    return reduce(Shape.__or__, map(_one, options(annotation)[0]))


def _one(annotation: Any) -> Shape:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return Shape(frozenset({TEXT}), choices=frozenset(arguments))
    if origin is list:
        return of(LIST, shape_of(arguments[0]))
    if origin is dict:
        return of(MAPPING, shape_of(arguments[1]))
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return _record(annotation)
    return of(_KINDS[annotation]) if annotation in _KINDS else ANY


@lru_cache(maxsize=64)
def _record(model: type[BaseModel]) -> Shape:
    fields = {alias: shape_of(field.annotation) for _, alias, field in fields_of(model)}
    open_ended = model.model_config.get("extra") == "allow"
    return Shape(frozenset({MAPPING}), fields, ANY if open_ended else None)


@lru_cache(maxsize=1)
def variables() -> dict[str, Shape]:
    """Return the variables of an expression, each with its type."""
    rollout, workspace = shape_of(model_of("ModelRollout")), shape_of(model_of("Workspace"))
    fields = {**(workspace.fields or {}), IN_FLIGHT: of(LIST, of(TEXT))}
    return {
        "rollout": rollout,
        "base": rollout,
        "components": of(MAPPING, shape_of(model_of("Component"))),
        "incidents": of(LIST, shape_of(model_of("Incident"))),
        "workspace": Shape(workspace.kinds, fields),
        "now": of(TIME),
    }


IN_FLIGHT = "inFlight"
"""The field of ``workspace`` that is not in the file: the names of the rollouts that have a candidate."""
