"""An expression that names a field which is not there would fail at night, on the one rollout where it is asked.

So every piece of it is followed through the shapes of the models, also what an ``||`` would never reach.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import reduce

from rollout_spec.checks.policies import types as shape
from rollout_spec.checks.policies.cel_ast import ACCUMULATOR, Call, Constant, Items, Loop, Name, Node, Select
from rollout_spec.checks.policies.type_rules import Fault, Found, call, entry, start
from rollout_spec.checks.policies.types import ANY, BOOLEAN, LIST, MAPPING, NULL, NUMBER, TEXT, Shape, of

MOST_COPIES = 64
"""How often what goes into the ``map``s of an expression may come out of them."""
MOST_SUMS = 4
"""How many texts an expression may add within loops: each turn keeps what it added, and might double it."""
_LITERALS = {bool: BOOLEAN, int: NUMBER, float: NUMBER, str: TEXT, type(None): NULL}
_CEL_DURATION = re.compile(r"-?(0|((\d+(\.\d*)?|\.\d+)(h|m|s|ms|us|µs|ns))+)")


def faults(tree: Node) -> list[Fault]:
    """Return what is wrong with an expression that compiles, in the order of its text."""
    checker = _Checker()
    result = checker.infer(tree, shape.variables())
    found = list(checker.found)
    if not result.may_be(BOOLEAN):
        found.append(Fault(0, f"this gives {result}, and a policy is true or false"))
    for node in _nodes(tree):
        found += _duration(node)
    return sorted(dict.fromkeys(found), key=lambda each: each.at)


@dataclass
class _Checker:
    """Walks one expression, and notes what is wrong with it."""

    found: list[Fault] = field(default_factory=list)
    loops: int = 0
    maps: int = 0
    copies: int = 1
    sums: int = 0

    def infer(self, node: Node, scope: Mapping[str, Shape]) -> Shape:
        """Return what a piece of the expression may be."""
        match node:
            case Constant(value=value):
                kind = _LITERALS.get(type(value))
                return of(kind) if kind else ANY
            case Name(name=name):
                return scope.get(name, ANY)
            case Select():
                return self.note(_field(node, self.infer(node.of, scope)))
            case Items(items=items, mapping=mapping):
                inside = [self.infer(item, scope) for item in items]
                return of(MAPPING if mapping else LIST, reduce(Shape.__or__, inside) if inside else None)
            case Loop():
                return self.loop(node, scope)
            case Call():
                given = [self.infer(each, scope) for each in (*([node.of] if node.of else []), *node.arguments)]
                return self.sum(node, self.note(call(node, given, looped=self.loops > 0)))
        raise TypeError(node)

    def note(self, found: Found) -> Shape:
        self.found += found[1]
        return found[0]

    def sum(self, node: Call, result: Shape) -> Shape:
        """Count the texts that are added within loops."""
        if node.function == "_+_" and self.loops > 0 and TEXT in result.kinds:
            self.sums += 1
            if self.sums == MOST_SUMS + 1:
                words = f"more than {MOST_SUMS} texts that are added in loops could fill the memory"
                self.found.append(Fault(node.at, words))
        return result

    def loop(self, node: Loop, scope: Mapping[str, Shape]) -> Shape:
        over = self.infer(node.over, scope)
        if not over.may_be(LIST, MAPPING):
            self.found.append(Fault(start(node.over), f"this is {over}, and has no entries to go through"))
        entries = [over.item or ANY] if LIST in over.kinds else []
        entries += [of(TEXT)] if MAPPING in over.kinds else []
        inside = {
            **scope,
            node.variable: reduce(Shape.__or__, entries) if entries else ANY,
            ACCUMULATOR: self.infer(node.first, scope),
        }
        maps = self.map(node)
        self.maps += maps
        self.loops += 1
        step = self.infer(node.step, inside)
        self.loops -= 1
        self.maps -= maps
        return self.infer(node.result, {**inside, ACCUMULATOR: step})

    def map(self, node: Loop) -> bool:
        """Is this a ``map``, which makes a list of something else? What it copies is bounded, as memory is."""
        made = _made(node.step)
        if made is None or (isinstance(made, Name) and made.name == node.variable):
            return False
        self.copies *= max(1, sum(isinstance(each, Name) and each.name == node.variable for each in _nodes(made)))
        if self.maps:
            self.found.append(Fault(node.at, "a `map` within a `map` could fill the memory"))
        elif self.copies > MOST_COPIES:
            words = f"the `map`s of this expression could make {self.copies} copies of what they are given"
            self.found.append(Fault(node.at, words))
        return True


def _field(node: Select, here: Shape) -> Found:
    if not here.may_be(MAPPING):
        return ANY, [Fault(node.at + 1, f"this is {here}, and has no fields", None, len(node.field))]
    shape_of_it, found = entry(here, node.field, node.at + 1, len(node.field))
    return (of(BOOLEAN) if node.asked else shape_of_it), found


def _made(step: Node) -> Node | None:
    """Return what each turn of a loop adds to the list that it makes, if it makes one."""
    if isinstance(step, Call) and step.function == "_?_:_":
        step = step.arguments[1]
    if isinstance(step, Call) and step.function == "_+_":
        before, added = step.arguments
        if isinstance(before, Name) and before.name == ACCUMULATOR and isinstance(added, Items):
            return added.items[0]
    return None


def _duration(node: Node) -> Iterator[Fault]:
    """Look for ``duration("7d")``: the units of CEL are those of Go, and end with hours."""
    if isinstance(node, Call) and node.function == "duration" and isinstance(node.arguments[0], Constant):
        told = str(node.arguments[0].value)
        if not _CEL_DURATION.fullmatch(told):
            days = re.fullmatch(r"(\d{1,6})d", told)
            hint = f'write `duration("{24 * int(days[1])}h")`' if days else 'write `duration("1h30m")`'
            words = f"`{told}` is no duration: in CEL its units are h, m, s and ms"
            yield Fault(node.arguments[0].at, words, hint, len(told) + 2)


def _nodes(node: Node) -> Iterator[Node]:
    yield node
    for each in fields(node):
        value = getattr(node, each.name)
        for inner in value if isinstance(value, tuple) else (value,):
            if isinstance(inner, Node):
                yield from _nodes(inner)
