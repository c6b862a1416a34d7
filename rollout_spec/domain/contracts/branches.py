"""The branches of a schema: the parts that apply to one instance.

They result from ``$ref``, ``allOf``, one of ``anyOf``, and ``then``. This only guides the search for instances. A
validator decides whether an instance is accepted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice, product
from typing import Any

from referencing import Registry
from referencing.exceptions import Unresolvable
from referencing.jsonschema import specification_with

from rollout_spec.domain.contracts.json_schema import TYPES, Schema
from rollout_spec.domain.contracts.patterns import is_portable

Part = dict[str, Any]
"""One schema object. Only its own keywords are read."""
Branch = tuple[Part, ...]
"""Parts that apply together."""

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_MOST, _MOST_PARTS, _DEEPEST = 12, 40, 12
_IN_PLACE = ("allOf", "anyOf", "oneOf")
_IN_PLACE_ONE = ("not", "if", "then", "else")


class Branches:
    """The branches of the schemas of one document.

    All made parts are kept alive, because their ids are keys.
    """

    def __init__(self, document: Schema) -> None:
        resource = specification_with(_DIALECT).create_resource(document)
        self._resolver = Registry().with_resource("", resource).resolver("")
        self._branches: dict[int, list[Branch]] = {}
        self._parts: dict[int, Branch] = {}
        self._kept: list[Any] = []

    def of(self, schema: Schema, depth: int = 0) -> list[Branch]:
        """Return the branches of a schema, simplest first. The list is empty if the schema accepts nothing."""
        if isinstance(schema, bool) or depth > _DEEPEST:
            return [()] if schema is not False else []
        if id(schema) not in self._branches:
            self._branches[id(schema)] = [()]  # a schema that leads to itself
            own: list[Branch] = [(schema,)]
            factors = [own, *self._factors(schema, depth + 1)]
            self._branches[id(schema)] = list(_combined(factors))
            self._kept.append(schema)
        return self._branches[id(schema)]

    def _factors(self, schema: Part, depth: int) -> Iterator[list[Branch]]:
        """Give lists of branches. One branch of each list applies to an instance too."""
        if (target := self.target(schema.get("$ref"))) is not None:
            yield self.of(target, depth)
        for part in _schemas(schema.get("allOf")):
            yield self.of(part, depth)
        for name in ("anyOf", "oneOf"):
            if isinstance(schema.get(name), list):
                rows = [self.of(part, depth) for part in _schemas(schema[name])]
                yield [row[at] for at in range(_MOST) for row in rows if at < len(row)]
        if "if" in schema:
            fits = _combined([self.of(schema["if"], depth), self.of(schema.get("then", True), depth)])
            yield [*self.of(schema.get("else", True), depth), *fits]
        for name, needed in _entries(schema, "dependentRequired", "dependentSchemas", "dependencies"):
            names = (
                [needed_name for needed_name in needed if isinstance(needed_name, str)]
                if isinstance(needed, list)
                else []
            )
            requirement = self._keep({"required": [name, *names]})
            dependent = self.of(needed, depth) if isinstance(needed, bool | dict) else [()]
            yield [(), *((requirement, *branch) for branch in dependent)]

    def parts(self, schema: Schema) -> Branch:
        """Return all schema objects that are about the same instance."""
        if isinstance(schema, bool):
            return ()
        if id(schema) not in self._parts:
            self._parts[id(schema)] = tuple(islice(self._all(schema, set(), 0), _MOST_PARTS))
            self._kept.append(schema)
        return self._parts[id(schema)]

    def _all(self, schema: Schema, seen: set[int], depth: int) -> Iterator[Part]:
        if isinstance(schema, bool) or id(schema) in seen or depth > _DEEPEST:
            return
        seen.add(id(schema))
        yield schema
        target = self.target(schema.get("$ref"))
        inside = chain.from_iterable(_schemas(schema.get(name)) for name in _IN_PLACE)
        depending = (part for _, part in _entries(schema, "dependentSchemas", "dependencies"))
        single = (schema[name] for name in _IN_PLACE_ONE if name in schema)
        for part in chain(() if target is None else (target,), inside, single, depending):
            if isinstance(part, bool | dict):
                yield from self._all(part, seen, depth + 1)

    def target(self, reference: object) -> Schema | None:
        """Return the schema that a reference leads to, or None."""
        if not isinstance(reference, str):
            return None
        try:
            schema = self._resolver.lookup(reference).contents
        except (Unresolvable, ValueError, TypeError, LookupError, AttributeError):
            return None
        return schema if isinstance(schema, bool | dict) else None

    def _keep(self, part: Part) -> Part:
        self._kept.append(part)
        return part


def fields(part: Part, name: str) -> list[Schema]:
    """Return the schemas of a part for a field of an object."""
    schemas = [part["properties"][name]] if name in _mapping(part, "properties") else []
    for pattern, schema in _mapping(part, "patternProperties").items():
        if is_portable(pattern) and re.search(pattern, name):
            schemas.append(schema)
    if not schemas:
        others = (part[keyword] for keyword in ("additionalProperties", "unevaluatedProperties") if keyword in part)
        schemas = [*islice(others, 1)]
    return [schema for schema in schemas if isinstance(schema, bool | dict)]


def types(branch: Branch) -> frozenset[str]:
    """Return the types that all parts allow. A number may be an integer."""
    allowed = TYPES
    for part in branch:
        value = part.get("type", TYPES)
        named = {value} if isinstance(value, str) else set(value)
        allowed &= named | ({"integer"} if "number" in named else set())
    return allowed


def items(part: Part, at: int) -> list[Schema]:
    """Return the schemas of a part for an entry of a list."""
    old = part.get("items")
    first = old if isinstance(old, list) else part.get("prefixItems")
    if isinstance(first, list) and at < len(first):
        return [first[at]]
    rest = part.get("additionalItems") if isinstance(old, list) else old
    return [rest] if isinstance(rest, bool | dict) else []


def _combined(factors: Sequence[Sequence[Branch]]) -> Iterator[Branch]:
    """Yield combinations of one branch of each factor.

    The first branches come first, then variations of one factor, then of all.
    """
    if not all(factors):
        return
    first = [factor[0] for factor in factors]
    single = ([*first[:at], other, *first[at + 1 :]] for at, factor in enumerate(factors) for other in factor[1:])
    rows = chain([first], single, islice(product(*factors), 4 * _MOST))
    unique = {
        tuple(id(part) for branch in row for part in branch): tuple(chain(*row)) for row in islice(rows, 8 * _MOST)
    }
    yield from islice(unique.values(), _MOST)


def _schemas(value: Any) -> list[Schema]:
    return [schema for schema in value if isinstance(schema, bool | dict)] if isinstance(value, list) else []


def _mapping(part: Part, name: str) -> dict[str, Any]:
    value = part.get(name)
    return value if isinstance(value, dict) else {}


def _entries(part: Part, *names: str) -> Iterable[tuple[str, Any]]:
    return [entry for name in names for entry in _mapping(part, name).items()]
