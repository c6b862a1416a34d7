"""Candidates that are objects and lists, minimal and maximal.

Each field is tried present and absent, and so are each value and each length.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import combinations, islice
from typing import Any, Protocol

from rollout_spec.domain.contracts.branches import Branch, Part, fields, items
from rollout_spec.domain.contracts.edges import counts, scalars
from rollout_spec.domain.contracts.json_schema import Schema
from rollout_spec.domain.contracts.texts import matching

Below = Callable[[Part], list[Schema]]
_EXTRA = ("extra", "x", "other", "a", "aa", "A", "0", "")
_MOST_NAMES, _FEW, _LONGEST, _SUBSETS = 200, 5, 1000, 40


class Place(Protocol):
    """A place in an instance, with the parts that apply there and all mentioned parts."""

    branch: Branch
    mentioned: Branch

    def values(self, below: Below, also: Iterable[Schema] = ()) -> list[Any]: ...

    def is_same(self, below: Below) -> bool: ...


def objects(place: Place) -> Iterator[dict[str, Any]]:
    """Give objects, smallest first."""
    needed = list(dict.fromkeys(name for part in place.branch for name in _required(part)))
    if len(needed) > _LONGEST:
        return
    known_names = sorted(dict.fromkeys(_names(place.mentioned)), key=lambda name: place.is_same(_field(name)))
    names = list(dict.fromkeys([*needed, *known_names[:_MOST_NAMES]]))
    values = {name: place.values(_field(name)) for name in names}
    if not all(values[name] for name in needed):
        return
    base = {name: values[name][0] for name in needed}
    yield base
    if not needed:
        yield {}
    unlike = {name: values[name] for name in names if not place.is_same(_field(name))}
    yield from _varied(base, unlike)
    optional = [name for name in names if name not in base and values[name]]
    full = base | {name: values[name][0] for name in optional}
    yield full
    wanted = {name for part in place.mentioned for name in _required(part)} | unlike.keys()
    yield from ({name: value for name, value in full.items() if name != gone} for gone in full if gone in wanted)
    yield from _sized(place, base, full)
    yield from _subsets(base, optional, unlike | values)
    yield from _varied(base, {name: values[name] for name in names if name not in unlike})
    yield from _varied(full, unlike)


def _field(name: str) -> Below:
    return lambda part: fields(part, name)


def _varied(base: dict[str, Any], values: dict[str, list[Any]]) -> Iterator[dict[str, Any]]:
    """Give the object with each other value of each field."""
    longest = max(map(len, values.values()), default=0)
    for at in range(longest):
        for name, field_values in values.items():
            if at < len(field_values):
                yield base | {name: field_values[at]}


def _subsets(base: dict[str, Any], optional: Sequence[str], values: dict[str, list[Any]]) -> Iterator[dict[str, Any]]:
    """Give the object with several added fields, and with several other values."""
    for size in (2, 3):
        for chosen in islice(combinations(optional, size), _SUBSETS):
            yield base | {name: values[name][0] for name in chosen}
    names = [name for name in values if len(values[name]) > 1]
    for one, other in islice(combinations(names, 2), _SUBSETS):
        for first in values[one][:_FEW]:
            for second in values[other][:_FEW]:
                yield base | {one: first, other: second}


def _sized(place: Place, base: dict[str, Any], full: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Give objects with the possible numbers of fields."""
    spare = place.values(_field("extra"))
    spare_fields = {f"extra{number}": spare[0] for number in range(32)} if spare else {}
    rest = {name: value for name, value in (full | spare_fields).items() if name not in base}
    for count in counts(place.mentioned, "minProperties", "maxProperties", longest=_LONGEST):
        wanted = count - len(base)
        if 0 <= wanted <= len(rest):
            yield base | dict(islice(rest.items(), wanted))


def _names(parts: Iterable[Part]) -> Iterator[str]:
    """Give names of fields: those in the schemas, some that match a pattern, and others."""
    all_parts = list(parts)
    for part in all_parts:
        yield from _mapping(part, "properties")
        yield from _required(part)
        for keyword in ("dependentRequired", "dependentSchemas", "dependencies"):
            for name, dependents in _mapping(part, keyword).items():
                yield name
                yield from (
                    other for other in (dependents if isinstance(dependents, list) else ()) if isinstance(other, str)
                )
    yield from _EXTRA[:2]
    for part in all_parts:
        for pattern in _mapping(part, "patternProperties"):
            yield from matching(pattern)[:3]
        if isinstance(part.get("propertyNames"), dict):
            texts = (text for text in scalars([part["propertyNames"]]) if isinstance(text, str))
            yield from islice(texts, _FEW * 3)
    yield from _EXTRA[2:]


def _required(part: Part) -> list[str]:
    names = part.get("required")
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []


def _mapping(part: Part, name: str) -> dict[str, Any]:
    value = part.get(name)
    return value if isinstance(value, dict) else {}


def arrays(place: Place) -> Iterator[list[Any]]:
    """Give lists, shortest first: of one value, of several, and with each value once."""
    lengths = {0, 1, 2, *_lengths(place)}
    for length in sorted(lengths):
        filled = [_of_entry(place, at) for at in range(min(length, 8))]
        rest = filled[-1:] * (length - len(filled))
        rows = [*filled, *rest]
        if not all(rows):
            return
        yield [row[0] for row in rows]
        yield [row[at % len(row)] for at, row in enumerate(rows)]
        for at in range(max(map(len, rows), default=0)):
            yield [row[min(at, len(row) - 1)] for row in rows]
        for at, row in enumerate(rows[:8]):
            for value in row[1:]:
                yield [entries[0] if number != at else value for number, entries in enumerate(rows)]
        yield from _containing(place, rows)


def _lengths(place: Place) -> Iterator[int]:
    yield from counts(place.mentioned, "minItems", "maxItems", longest=_LONGEST)
    yield from counts(place.mentioned, "minContains", "maxContains", longest=_LONGEST)
    for part in place.mentioned:
        for first in (part.get("prefixItems"), part.get("items")):
            if isinstance(first, list):
                yield from (len(first), len(first) + 1)


def _of_entry(place: Place, at: int) -> list[Any]:
    return place.values(lambda part: [*items(part, at)])


def _containing(place: Place, rows: Sequence[Sequence[Any]]) -> Iterator[list[Any]]:
    """Give lists in which some entries match ``contains``."""
    wanted = [part["contains"] for part in place.branch if isinstance(part.get("contains"), bool | dict)]
    if not wanted or not rows:
        return
    matching_values = place.values(lambda part: items(part, len(rows)), also=wanted[:1])
    for count in range(1, min(len(rows), 8) + 1):
        for value in matching_values[:_FEW]:
            yield [value if at < count else row[0] for at, row in enumerate(rows)]
            yield [value if at < count else row[-1] for at, row in enumerate(rows)]
        if len(matching_values) >= count:
            yield [matching_values[at] if at < count else row[0] for at, row in enumerate(rows)]
