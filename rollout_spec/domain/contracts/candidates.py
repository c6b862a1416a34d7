"""Candidates: instances on which two schemas may differ.

Their number is bounded, and each run makes the same ones. For each place in an instance, the ``kept`` schemas (one
branch of the old schema) limit the values. The ``mentioned`` schemas of both documents supply values that may make a
difference. Of the values that the kept schemas accept, those are chosen that the mentioned schemas judge differently.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Any

from rollout_spec.domain.contracts.branches import Branch, Branches, types
from rollout_spec.domain.contracts.edges import scalars
from rollout_spec.domain.contracts.exact import key
from rollout_spec.domain.contracts.json_schema import Schema
from rollout_spec.domain.contracts.judging import Judge
from rollout_spec.domain.contracts.sameness import Sameness
from rollout_spec.domain.contracts.shapes import Below, arrays, objects

_MOST = (1500, 120, 60, 40)
"""The number of instances that are judged at each depth. Deeper places have the last limit."""
_MOST_KEPT = (1500, 24, 12, 8)
_MOST_JUDGES, _DEEPEST, _LARGEST, _FEW = 8, 24, 20_000, 3

Side = tuple[Schema, ...]


class Candidates:
    """The candidates of one comparison: of the old schema and the new, in this order."""

    def __init__(self, judges: Sequence[Judge]) -> None:
        self._judges = judges
        self._branches = [Branches(judge.schema) for judge in judges]
        self._found: dict[tuple[int, ...], list[Any]] = {}
        first, second = judges
        targets = self._branches[0].target, self._branches[1].target
        self.sameness = Sameness((first.schema, second.schema), targets)

    def all(self) -> Iterator[Any]:
        """Give whole instances, those that the old schema leads to first."""
        old, new = (judge.schema for judge in self._judges)
        seen: set[str] = set()
        for instance in self._made((old,), (old,), (new,), 0):
            text = key(instance)
            if text not in seen and len(text) <= _LARGEST:
                seen.add(text)
                yield instance

    def values(self, kept: Side, old: Side, new: Side, depth: int) -> list[Any]:
        """Return values for a place: first those that all mentioned schemas accept, then the others."""
        memo = (*map(id, kept), -1, *map(id, old), -2, *map(id, new), -3, depth)
        if memo not in self._found:
            self._found[memo] = []  # a schema that leads to itself
            same = self.sameness.holds([*old], [*new])
            self._found[memo] = self._some(kept, old, new, depth) if same else self._chosen(kept, old, new, depth)
        return self._found[memo]

    def _some(self, kept: Side, old: Side, new: Side, depth: int) -> list[Any]:
        """Return a few values for a place at which both schemas are the same."""
        candidates = islice(self._made(kept, old, new, depth), 4 * _at(_MOST, depth))
        fitting = (value for value in candidates if all(self._judges[0].accepts(value, schema) for schema in kept))
        return list(islice(fitting, _FEW))

    def _chosen(self, kept: Side, old: Side, new: Side, depth: int) -> list[Any]:
        groups: dict[tuple[bool | None, ...], list[tuple[int, Any]]] = {}
        seen: set[str] = set()
        for value in islice(self._made(kept, old, new, depth), 4 * _at(_MOST, depth)):
            text = key(value)
            if text in seen or len(text) > _LARGEST or len(seen) > _at(_MOST, depth):
                continue
            seen.add(text)
            if all(self._judges[0].accepts(value, schema) for schema in kept):
                groups.setdefault(self._verdicts(value, old, new), []).append((len(text), value))
        for group in groups.values():
            group.sort(key=lambda entry: entry[0])
        rows = sorted(groups.items(), key=lambda entry: entry[0].count(True), reverse=True)
        chosen = [row[at][1] for at in range(_at(_MOST_KEPT, depth)) for _, row in rows if at < len(row)]
        return chosen[: _at(_MOST_KEPT, depth)]

    def _verdicts(self, value: Any, old: Side, new: Side) -> tuple[bool | None, ...]:
        """Return the verdicts of the mentioned schemas on a value."""
        sides = zip(self._judges, (old, new), strict=True)
        return tuple(judge.accepts(value, schema) for judge, side in sides for schema in side[:_MOST_JUDGES])

    def _made(self, kept: Side, old: Side, new: Side, depth: int) -> Iterator[Any]:
        """Give values that the kept schemas may accept: scalars, then lists and objects by each branch."""
        mentioned = self._mentioned(old, new)
        both = tuple(chain(*mentioned))
        branches = self._combined(kept)
        kinds = [types(branch) for branch in branches]
        yield from scalars(both, frozenset(chain(*kinds)))
        if depth >= _DEEPEST:
            yield from ([], {})
            return
        rows = [
            iter(make(_Place(self, branch, mentioned, depth)))
            for branch, left in zip(branches, kinds, strict=True)
            for kind, make in _SHAPES
            if kind in left
        ]
        while rows:  # in turn, so that each branch has its part
            alive = []
            for row in rows:
                part = list(islice(row, 20))
                yield from part
                if part:
                    alive.append(row)
            rows = alive

    def _mentioned(self, old: Side, new: Side) -> tuple[Branch, Branch]:
        sides = zip(self._branches, (old, new), strict=True)
        first, second = (tuple(chain.from_iterable(map(branches.parts, side))) for branches, side in sides)
        return first, second

    def _combined(self, kept: Side) -> list[Branch]:
        """Return the branches of schemas that apply together."""
        combined: list[Branch] = [()]
        for schema in kept:
            combined = [(*one, *other) for other in self._branches[0].of(schema) for one in combined][:12]
        return combined


class _Place:
    """A place in an instance, by one branch of its kept schemas, with access to the places below it."""

    def __init__(self, candidates: Candidates, branch: Branch, mentioned: tuple[Branch, Branch], depth: int) -> None:
        self.branch = branch
        self.mentioned = tuple(chain(*mentioned))
        self._candidates, self._sides, self._depth = candidates, mentioned, depth

    def values(self, below: Below, also: Iterable[Schema] = ()) -> list[Any]:
        """Return values for a place below. ``below`` returns the schemas of a part for that place."""
        kept, old, new = (_unique(chain.from_iterable(map(below, side))) for side in (self.branch, *self._sides))
        return self._candidates.values((*kept, *also), old, new, self._depth + 1)

    def is_same(self, below: Below) -> bool:
        """Return whether the schemas of both documents for a place below are the same."""
        old, new = ([schema for part in side for schema in below(part)] for side in self._sides)
        return self._candidates.sameness.holds(old, new)


def _at(limits: Sequence[int], depth: int) -> int:
    return limits[min(depth, len(limits) - 1)]


def _unique(schemas: Iterable[Schema]) -> Side:
    return tuple({id(schema): schema for schema in schemas}.values())


_SHAPES: tuple[tuple[str, Callable[[_Place], Iterator[Any]]], ...] = (("object", objects), ("array", arrays))
