"""The types that CEL operators and functions take, and the faults of operands that never fit together."""

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
"""The functions and macros that an expression may call."""
_WRITE = {
    DURATION: 'write a duration: `duration("15m")`',
    TIME: 'write a time: `timestamp("2026-11-20T10:15:00Z")`',
    NUMBER: "write a number; shares are in percent: `5.0`",
}


@dataclass(frozen=True)
class Fault:
    """A fault of ``length`` characters ``at`` an offset in the text of an expression."""

    at: int
    message: str
    hint: str | None = None
    length: int = 1


TypeAndFaults = tuple[Shape, list[Fault]]


def call(node: Call, operands: list[Shape], *, looped: bool) -> TypeAndFaults:
    """Return the result type of an operator or function, and its operands' faults.

    The receiver is the first operand. ``looped`` means that it is within a loop, where texts that it makes could fill
    the memory.
    """
    if node.function in _LOGIC:
        return _logic(node, operands)
    if node.function in _COMPARED:
        return of(BOOLEAN), list(_compare(node, operands))
    if node.function == "_[_]":
        return _index(node, operands)
    if node.function in _COMPUTED:
        return _compute(node, operands, looped)
    if node.function == "-_":
        return operands[0], []
    takes, result = _FUNCTIONS.get(node.function, ((), ANY))
    if takes and operands and not operands[0].may_be(*takes):
        return result, [Fault(node.at, f"`{node.function}` takes {Shape(frozenset(takes))}, not {operands[0]}")]
    if looped and node.function in ("string", "bytes") and operands and operands[0].may_be(TEXT):
        return result, [Fault(node.at, f"`{node.function}` of a text within a loop could fill the memory")]
    return result, []


def entry(shape: Shape, name: str, at: int, length: int) -> TypeAndFaults:
    """Return the type of an entry of a mapping, by its name."""
    if shape.fields is None or (name not in shape.fields and shape.item):
        return shape.item or ANY, []
    if name in shape.fields:
        return shape.fields[name], []
    return ANY, [Fault(at, f"there is no field `{name}` here", did_you_mean(name, shape.fields), length)]


def start(node: Node) -> int:
    """Return the start of a part of an expression, whose own offset is that of its operator."""
    match node:
        case Select(of=first) | Loop(over=first):
            return start(first)
        case Call(of=Node() as first):
            return start(first)
        case Call(function=name, arguments=(first, *_)) if name.startswith("_") or name == "@in":
            return start(first)
    return node.at


def _logic(node: Call, operands: list[Shape]) -> TypeAndFaults:
    conditions = operands[:1] if node.function == "_?_:_" else operands
    faults = [
        Fault(start(argument), f"`{_LOGIC[node.function]}` takes true or false, not {operand}")
        for operand, argument in zip(conditions, node.arguments, strict=False)
        if not operand.may_be(BOOLEAN)
    ]
    return (operands[1] | operands[2] if node.function == "_?_:_" else of(BOOLEAN)), faults


def _compare(node: Call, operands: list[Shape]) -> Iterator[Fault]:
    left, right = operands
    operator = _COMPARED[node.function]
    if operator == "in":
        if not right.may_be(LIST, MAPPING):
            yield Fault(node.at, f"`in` needs a list or a mapping, not {right}")
            return
        right = of(TEXT) if MAPPING in right.kinds else right.item or ANY
    common = left.kinds & right.kinds
    if not left.kinds or not right.kinds or common & _ORDERED:
        yield from _choices(node, left, right)
    elif operator in ("==", "!=", "in"):
        if not common and NULL not in left.kinds | right.kinds:
            yield Fault(node.at, f"{left} never equals {right}", _hint(left, right), len(operator))
    else:
        yield Fault(node.at, f"`{operator}` cannot compare {left} with {right}", _hint(left, right), len(operator))


def _choices(node: Call, left: Shape, right: Shape) -> Iterator[Fault]:
    """Yield the faults of texts that a field never has."""
    first, second = node.arguments
    literals = [(item, left) for item in (second.items if isinstance(second, Items) else (second,))]
    for literal, other in [*literals, (first, right)]:
        text = literal.value if isinstance(literal, Constant) else None
        if isinstance(text, str) and other.choices is not None and text not in other.choices:
            yield Fault(literal.at, f"this is never `{text}`", did_you_mean(text, other.choices), len(text) + 2)


def _index(node: Call, operands: list[Shape]) -> TypeAndFaults:
    container, key = operands
    index = node.arguments[1]
    if not container.may_be(LIST, MAPPING):
        return ANY, [Fault(node.at, f"this is {container}, which has no entries")]
    if container.kinds == {LIST} and not key.may_be(NUMBER):
        return ANY, [Fault(index.at, f"the index of a list must be a number, not {key}")]
    if container.kinds == {MAPPING}:
        if not key.may_be(TEXT):
            return ANY, [Fault(index.at, f"the key of a mapping must be a text, not {key}")]
        if isinstance(index, Constant) and isinstance(index.value, str):
            return entry(container, index.value, index.at, len(index.value) + 2)
    return container.item or ANY, []


def _compute(node: Call, operands: list[Shape], looped: bool) -> TypeAndFaults:
    left, right = operands
    operator = _COMPUTED[node.function]
    if isinstance(node.arguments[0], Name) and node.arguments[0].name == ACCUMULATOR:
        return left | right, []
    if operator == "+" and looped and not (left.kinds and right.kinds and left.kinds | right.kinds <= {*_SUMS, TEXT}):
        message = "within a loop, `+` may add only numbers, durations, times and texts: others could fill the memory"
        return ANY, [Fault(node.at, message)]
    fits = {NUMBER} if operator in "*/%" else {*_SUMS, TEXT, LIST} if operator == "+" else _SUMS
    has_time = TIME in left.kinds | right.kinds
    differ = left.kinds and right.kinds and not left.kinds & right.kinds and not has_time
    if differ or not (left.may_be(*fits) and right.may_be(*fits)):
        return ANY, [Fault(node.at, f"`{operator}` cannot take {left} and {right}", _hint(left, right))]
    if has_time:
        return of(DURATION if operator == "-" and TIME in left.kinds & right.kinds else TIME), []
    return left | right, []


def _hint(left: Shape, right: Shape) -> str | None:
    """Return a hint for the literals of a type, if CEL has its own form of them."""
    return next((hint for kind, hint in _WRITE.items() if kind in left.kinds | right.kinds), None)
