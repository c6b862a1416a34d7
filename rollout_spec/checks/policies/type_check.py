"""The type check of an expression: fields that do not exist, and operations that always fail.

Such a fault would appear only on the first rollout that the expression is evaluated for. So each part is checked
against the types of the models, also a part that an ``||`` would never reach.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import reduce

from rollout_spec.checks.policies import types as shape
from rollout_spec.checks.policies.cel_ast import ACCUMULATOR, Call, Constant, Items, Loop, Name, Node, Select
from rollout_spec.checks.policies.type_rules import Fault, TypeAndFaults, call, entry, start
from rollout_spec.checks.policies.types import ANY, BOOLEAN, LIST, MAPPING, NULL, NUMBER, TEXT, Shape, of

MOST_COPIES = 64
"""The most copies of its input that the ``map``s of an expression may make."""
MOST_SUMS = 4
"""The most texts that an expression may add within loops: each iteration keeps its sum, and might double it."""
_LITERALS = {bool: BOOLEAN, int: NUMBER, float: NUMBER, str: TEXT, type(None): NULL}
_CEL_DURATION = re.compile(r"-?(0|((\d+(\.\d*)?|\.\d+)(h|m|s|ms|us|µs|ns))+)")


def faults(tree: Node, *, gives_text: bool = False) -> list[Fault]:
    """Return the faults of an expression that compiles, in the order of its text.

    ``gives_text``: it must give a text, not true or false.
    """
    checker = _Checker()
    result = checker.infer(tree, shape.variables())
    faults_found = list(checker.faults)
    if not result.may_be(TEXT if gives_text else BOOLEAN):
        expected = "a message must be a text" if gives_text else "a policy must give true or false"
        faults_found.append(Fault(0, f"this gives {result}; {expected}"))
    for node in _nodes(tree):
        faults_found += _duration(node)
    return sorted(dict.fromkeys(faults_found), key=lambda fault: fault.at)


@dataclass
class _Checker:
    """A walk through one expression, which collects its faults."""

    faults: list[Fault] = field(default_factory=list)
    loops: int = 0
    maps: int = 0
    copies: int = 1
    sums: int = 0

    def infer(self, node: Node, scope: Mapping[str, Shape]) -> Shape:
        """Return the type of a part of the expression."""
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

    def note(self, result: TypeAndFaults) -> Shape:
        self.faults += result[1]
        return result[0]

    def sum(self, node: Call, result: Shape) -> Shape:
        """Count the texts that are added within loops."""
        if node.function == "_+_" and self.loops > 0 and TEXT in result.kinds:
            self.sums += 1
            if self.sums == MOST_SUMS + 1:
                message = f"more than {MOST_SUMS} texts that are added in loops could fill the memory"
                self.faults.append(Fault(node.at, message))
        return result

    def loop(self, node: Loop, scope: Mapping[str, Shape]) -> Shape:
        over = self.infer(node.over, scope)
        if not over.may_be(LIST, MAPPING):
            self.faults.append(Fault(start(node.over), f"a loop needs a list or a mapping, not {over}"))
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
        """Return whether this is a ``map``, after a check that it does not copy too much."""
        made = _made(node.step)
        if made is None or (isinstance(made, Name) and made.name == node.variable):
            return False
        self.copies *= max(1, sum(isinstance(each, Name) and each.name == node.variable for each in _nodes(made)))
        if self.maps:
            self.faults.append(Fault(node.at, "a `map` within a `map` could fill the memory"))
        elif self.copies > MOST_COPIES:
            message = (
                f"the `map`s here could make {self.copies} copies of their input; at most {MOST_COPIES} are allowed"
            )
            self.faults.append(Fault(node.at, message))
        return True


def _field(node: Select, shape_of_value: Shape) -> TypeAndFaults:
    if not shape_of_value.may_be(MAPPING):
        return ANY, [Fault(node.at + 1, f"this is {shape_of_value}, which has no fields", None, len(node.field))]
    result, faults = entry(shape_of_value, node.field, node.at + 1, len(node.field))
    return (of(BOOLEAN) if node.asked else result), faults


def _made(step: Node) -> Node | None:
    """Return the value that each iteration adds to the list that a loop makes, if it makes one."""
    if isinstance(step, Call) and step.function == "_?_:_":
        step = step.arguments[1]
    if isinstance(step, Call) and step.function == "_+_":
        before, added = step.arguments
        if isinstance(before, Name) and before.name == ACCUMULATOR and isinstance(added, Items):
            return added.items[0]
    return None


def _duration(node: Node) -> Iterator[Fault]:
    """Yield the fault of ``duration("7d")``: the largest unit of CEL is the hour."""
    if isinstance(node, Call) and node.function == "duration" and isinstance(node.arguments[0], Constant):
        text = str(node.arguments[0].value)
        if not _CEL_DURATION.fullmatch(text):
            days = re.fullmatch(r"(\d{1,6})d", text)
            hint = f'write `duration("{24 * int(days[1])}h")`' if days else 'write `duration("1h30m")`'
            message = f"`{text}` is not a CEL duration: its units are h, m, s and ms"
            yield Fault(node.arguments[0].at, message, hint, len(text) + 2)


def _nodes(node: Node) -> Iterator[Node]:
    yield node
    for attribute in fields(node):
        value = getattr(node, attribute.name)
        for inner in value if isinstance(value, tuple) else (value,):
            if isinstance(inner, Node):
                yield from _nodes(inner)
