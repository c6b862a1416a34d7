"""The syntax tree of an expression, read from the bytes of a ``CheckedExpr`` of the engine.

Source: ``checked.proto`` and ``syntax.proto`` in https://github.com/google/cel-spec/tree/master/proto/cel/expr, and the
wire format of protocol buffers, https://protobuf.dev/programming-guides/encoding.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

_Fields = dict[int, list["int | bytes"]]

ACCUMULATOR = "@result"
"""The engine's name of the variable in which a macro such as ``all`` or ``map`` collects its result."""


@dataclass(frozen=True)
class Node:
    """A part of an expression. ``at`` is its offset in the text, in code points."""

    at: int


@dataclass(frozen=True)
class Constant(Node):
    """A literal: None, a boolean, a number, a text, bytes."""

    value: object


@dataclass(frozen=True)
class Name(Node):
    """A variable."""

    name: str


@dataclass(frozen=True)
class Select(Node):
    """``of.field``; ``asked`` means ``has(of.field)``."""

    of: Node
    field: str
    asked: bool


@dataclass(frozen=True)
class Call(Node):
    """A function or an operator such as ``_<=_``; ``of`` is the receiver of a method."""

    function: str
    of: Node | None
    arguments: tuple[Node, ...]


@dataclass(frozen=True)
class Items(Node):
    """A list, or the values of a mapping."""

    items: tuple[Node, ...]
    mapping: bool


@dataclass(frozen=True)
class Loop(Node):
    """The expansion of ``all``, ``exists``, ``exists_one``, ``map`` or ``filter``."""

    variable: str
    over: Node
    first: Node
    while_: Node
    step: Node
    result: Node


def read(checked: bytes) -> Node:
    """Return the tree of an expression from a serialized ``Any``."""
    expression = _fields(_bytes(_fields(checked), 2))
    source = _fields(_bytes(expression, 5))
    offsets = {_int(entry, 1): _int(entry, 2) for entry in map(_fields, _all(source, 4))}
    return _node(_bytes(expression, 4), offsets)


def _node(data: bytes, offsets: dict[int, int]) -> Node:
    fields = _fields(data)
    number_of_node = _int(fields, 2)
    at = offsets.get(number_of_node, 0)

    def child(parts: _Fields, number: int) -> Node:
        return _node(_bytes(parts, number), offsets)

    for number in fields.keys() - {2}:
        inner = _fields(_bytes(fields, number))
        match number:
            case 3:
                return Constant(at, _constant(inner))
            case 4:
                return Name(at, _text(inner, 1).removeprefix("."))
            case 5:
                asked = bool(_int(inner, 3))
                dot = offsets.get(number_of_node - 1, at) if asked else at  # a `has` comes right after its argument
                return Select(dot, child(inner, 1), _text(inner, 2), asked)
            case 6:
                of = child(inner, 1) if 1 in inner else None
                return Call(at, _text(inner, 2), of, tuple(_node(each, offsets) for each in _all(inner, 3)))
            case 7:
                return Items(at, tuple(_node(each, offsets) for each in _all(inner, 1)), False)
            case 8:
                entries = map(_fields, _all(inner, 2))
                return Items(at, tuple(child(entry, 4) for entry in entries), True)
            case 9:
                over, first, until, step, result = (child(inner, part) for part in (2, 4, 5, 6, 7))
                return Loop(at, _text(inner, 1), over, first, until, step, result)
    return Constant(at, None)


def _constant(fields: _Fields) -> object:
    for number, (value, *_) in fields.items():
        if isinstance(value, bytes):
            if number == 5:
                return struct.unpack("<d", value)[0]
            return value.decode() if number == 6 else value
        return None if number == 1 else bool(value) if number == 2 else value - (value >> 63 << 64)
    return None


def _text(fields: _Fields, number: int) -> str:
    return _bytes(fields, number).decode()


def _bytes(fields: _Fields, number: int) -> bytes:
    return next(_all(fields, number), b"")


def _all(fields: _Fields, number: int) -> Iterator[bytes]:
    return (value for value in fields.get(number, ()) if isinstance(value, bytes))


def _int(fields: _Fields, number: int) -> int:
    return next((value for value in fields.get(number, ()) if isinstance(value, int)), 0)


def _fields(data: bytes) -> _Fields:
    """Split a message into its fields by number, as integers or bytes."""
    fields: _Fields = {}
    at, end = 0, len(data)
    while at < end:
        key, at = _varint(data, at)
        value: int | bytes
        match key & 7:
            case 0:
                value, at = _varint(data, at)
            case 1:
                value, at = data[at : at + 8], at + 8
            case 2:
                length, at = _varint(data, at)
                value, at = data[at : at + length], at + length
            case _:
                value, at = data[at : at + 4], at + 4
        fields.setdefault(key >> 3, []).append(value)
    return fields


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
