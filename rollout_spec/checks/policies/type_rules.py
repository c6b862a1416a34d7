"""CEL compares, adds and calls what fits together; what never does would give an error, or silently false."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rollout_spec.checks.policies.cel_ast import ACCUMULATOR, Call, Constant, Items, Loop, Name, Node, Select
from rollout_spec.checks.policies.types import (
    ANY,
    BOOLEAN,
    DURATION,
    LIST,
    MAPPING,
    NULL,
    NUMBER,
    TEXT,
    TIME,
    Shape,
    of,
)
from rollout_spec.core.text import did_you_mean

_COMPARED = {"_==_": "==", "_!=_": "!=", "_<_": "<", "_<=_": "<=", "_>_": ">", "_>=_": ">=", "@in": "in"}
_COMPUTED = {"_-_": "-", "_*_": "*", "_/_": "/", "_%_": "%", "_+_": "+"}
_LOGIC = {"_&&_": "&&", "_||_": "||", "!_": "!", "_?_:_": "?"}
_ORDERED = {NUMBER, TEXT, DURATION, TIME, BOOLEAN}
_SUMS = {NUMBER, DURATION, TIME}
_DATE = ("getFullYear", "getMonth", "getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear")
_CLOCK = ("getHours", "getMinutes", "getSeconds", "getMilliseconds")
_FUNCTIONS: dict[str, tuple[tuple[str, ...], Shape]] = {
    "size": ((TEXT, LIST, MAPPING), of(NUMBER)),
    **dict.fromkeys(("startsWith", "endsWith", "contains", "matches"), ((TEXT,), of(BOOLEAN))),
    **dict.fromkeys(_DATE, ((TIME,), of(NUMBER))),
    **dict.fromkeys(_CLOCK, ((TIME, DURATION), of(NUMBER))),
    **dict.fromkeys(("int", "uint", "double"), ((NUMBER, TEXT, TIME), of(NUMBER))),
    "string": ((NUMBER, TEXT, BOOLEAN, DURATION, TIME), of(TEXT)),
    "bool": ((BOOLEAN, TEXT), of(BOOLEAN)),
    "duration": ((TEXT, DURATION), of(DURATION)),
    "timestamp": ((TEXT, TIME, NUMBER), of(TIME)),
}
FUNCTIONS = (*_FUNCTIONS, "bytes", "dyn", "type", "has", "all", "exists", "exists_one", "map", "filter")
"""What an expression may call, macros included."""
_WRITE = {
    DURATION: 'write a duration: `duration("15m")`',
    TIME: 'write a time: `timestamp("2026-11-20T10:15:00Z")`',
    NUMBER: "write a number; shares are in percent: `5.0`",
}


@dataclass(frozen=True)
class Fault:
    """What is wrong with an expression, ``length`` characters long, ``at`` an offset in its text."""

    at: int
    message: str
    hint: str | None = None
    length: int = 1


Found = tuple[Shape, list[Fault]]


def call(node: Call, given: list[Shape], *, looped: bool) -> Found:
    """Return what an operator or a function gives, and what is wrong with what it is ``given``: ``of`` first.

    ``looped``: it stands within a loop, where what makes texts could fill the memory.
    """
    if node.function in _LOGIC:
        return _logic(node, given)
    if node.function in _COMPARED:
        return of(BOOLEAN), list(_compare(node, given))
    if node.function == "_[_]":
        return _index(node, given)
    if node.function in _COMPUTED:
        return _compute(node, given, looped)
    if node.function == "-_":
        return given[0], []
    takes, result = _FUNCTIONS.get(node.function, ((), ANY))
    if takes and given and not given[0].may_be(*takes):
        return result, [Fault(node.at, f"`{node.function}` takes {Shape(frozenset(takes))}, not {given[0]}")]
    if looped and node.function in ("string", "bytes") and given and given[0].may_be(TEXT):
        return result, [Fault(node.at, f"`{node.function}` of a text within a loop could fill the memory")]
    return result, []


def entry(here: Shape, name: str, at: int, length: int) -> Found:
    """Return what stands under a name in a mapping."""
    if here.fields is None or (name not in here.fields and here.item):
        return here.item or ANY, []
    if name in here.fields:
        return here.fields[name], []
    return ANY, [Fault(at, f"there is no field `{name}` here", did_you_mean(name, here.fields), length)]


def start(node: Node) -> int:
    """Return where a piece of an expression begins; its own place is that of its operator."""
    match node:
        case Select(of=first) | Loop(over=first):
            return start(first)
        case Call(of=Node() as first):
            return start(first)
        case Call(function=name, arguments=(first, *_)) if name.startswith("_") or name == "@in":
            return start(first)
    return node.at


def _logic(node: Call, given: list[Shape]) -> Found:
    asked = given[:1] if node.function == "_?_:_" else given
    faults = [
        Fault(start(argument), f"`{_LOGIC[node.function]}` takes true or false, not {each}")
        for each, argument in zip(asked, node.arguments, strict=False)
        if not each.may_be(BOOLEAN)
    ]
    return (given[1] | given[2] if node.function == "_?_:_" else of(BOOLEAN)), faults


def _compare(node: Call, given: list[Shape]) -> Iterator[Fault]:
    left, right = given
    word = _COMPARED[node.function]
    if word == "in":
        if not right.may_be(LIST, MAPPING):
            yield Fault(node.at, f"`in` looks into a list or a mapping, not into {right}")
            return
        right = of(TEXT) if MAPPING in right.kinds else right.item or ANY
    common = left.kinds & right.kinds
    if not left.kinds or not right.kinds or common & _ORDERED:
        yield from _choices(node, left, right)
    elif word in ("==", "!=", "in"):
        if not common and NULL not in left.kinds | right.kinds:
            yield Fault(node.at, f"{left} never equals {right}", _write(left, right), len(word))
    else:
        yield Fault(node.at, f"`{word}` does not compare {left} with {right}", _write(left, right), len(word))


def _choices(node: Call, left: Shape, right: Shape) -> Iterator[Fault]:
    """Look for a text that a field never is."""
    first, second = node.arguments
    literals = [(each, left) for each in (second.items if isinstance(second, Items) else (second,))]
    for literal, other in [*literals, (first, right)]:
        told = literal.value if isinstance(literal, Constant) else None
        if isinstance(told, str) and other.choices is not None and told not in other.choices:
            yield Fault(literal.at, f"this is never `{told}`", did_you_mean(told, other.choices), len(told) + 2)


def _index(node: Call, given: list[Shape]) -> Found:
    here, key = given
    where = node.arguments[1]
    if not here.may_be(LIST, MAPPING):
        return ANY, [Fault(node.at, f"this is {here}, and has no entries")]
    if here.kinds == {LIST} and not key.may_be(NUMBER):
        return ANY, [Fault(where.at, f"an entry of a list has a number, not {key}")]
    if here.kinds == {MAPPING}:
        if not key.may_be(TEXT):
            return ANY, [Fault(where.at, f"an entry of a mapping has a text as its key, not {key}")]
        if isinstance(where, Constant) and isinstance(where.value, str):
            return entry(here, where.value, where.at, len(where.value) + 2)
    return here.item or ANY, []


def _compute(node: Call, given: list[Shape], looped: bool) -> Found:
    left, right = given
    word = _COMPUTED[node.function]
    if isinstance(node.arguments[0], Name) and node.arguments[0].name == ACCUMULATOR:
        return left | right, []
    if word == "+" and looped and not (left.kinds and right.kinds and left.kinds | right.kinds <= {*_SUMS, TEXT}):
        words = "within a loop `+` adds numbers, durations, times and texts: what else it adds could fill the memory"
        return ANY, [Fault(node.at, words)]
    fits = {NUMBER} if word in "*/%" else {*_SUMS, TEXT, LIST} if word == "+" else _SUMS
    timed = TIME in left.kinds | right.kinds
    apart = left.kinds and right.kinds and not left.kinds & right.kinds and not timed
    if apart or not (left.may_be(*fits) and right.may_be(*fits)):
        return ANY, [Fault(node.at, f"`{word}` does not take {left} and {right}", _write(left, right))]
    if timed:
        return of(DURATION if word == "-" and TIME in left.kinds & right.kinds else TIME), []
    return left | right, []


def _write(left: Shape, right: Shape) -> str | None:
    """Say what to write beside a value of a kind that has its own spelling in CEL."""
    return next((words for kind, words in _WRITE.items() if kind in left.kinds | right.kinds), None)
