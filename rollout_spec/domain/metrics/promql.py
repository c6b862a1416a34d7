"""The type of a PromQL query, read from its text: a vector, a scalar, a range or a string.

Source: https://prometheus.io/docs/prometheus/latest/querying/basics/#expression-language-data-types
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

Type = Literal["vector", "scalar", "range", "string"]

_LEXEME = r"""
      (?P<string>"(?:[^"\\]|\\.)*(?:"|\\?$)|'(?:[^'\\]|\\.)*(?:'|\\?$)|`[^`]*(?:`|$))
    | (?P<word>[0-9a-zA-Z_:.]+)
    | (?P<sign>=~|!~|==|!=|<=|>=|[^\s])"""
_NUMBER = r"0[xX][0-9a-fA-F]+|[0-9.]+(?:[eE][0-9]*)?|inf|nan"  # the sign of an exponent looks like an operator
_OPERATORS = frozenset({"+", "-", "*", "/", "%", "^", "==", "!=", "<=", ">=", "<", ">", "and", "or", "unless", "atan2"})
_SCALARS = frozenset({"scalar", "time", "pi"})
_DEEPEST = 20

_Token = tuple[str | None, str]


def type_of(query: str) -> Type:
    """Return the type of a query. It is a vector if the type is unclear: Prometheus judges the syntax."""
    tokens = re.finditer(_LEXEME, query, re.VERBOSE)  # compiled when the first query is read
    return _type([(match.lastgroup, match[0]) for match in tokens])


def _type(tokens: Sequence[_Token], depth: int = 0) -> Type:
    types = [_operand(operand, depth) for operand in _operands(tokens)]
    if "range" in types:
        return "range"
    if "string" in types:
        return "string"
    return "scalar" if types and all(operand_type == "scalar" for operand_type in types) else "vector"


def _operands(tokens: Sequence[_Token]) -> list[list[_Token]]:
    """Split a query at the operators outside of brackets. The sign of an operand counts as an operator."""
    operands: list[list[_Token]] = [[]]
    depth = 0
    for group, text in tokens:
        if group == "sign":
            depth += (text in "([{") - (text in ")]}")
        if depth == 0 and group != "string" and text.lower() in _OPERATORS:
            operands.append([])
        elif depth or text != "bool":
            operands[-1].append((group, text))
    return [operand for operand in operands if operand]


def _operand(tokens: Sequence[_Token], depth: int) -> Type:
    group, first = tokens[0]
    if len(tokens) == 1:
        if group == "string":
            return "string"
        return "scalar" if re.fullmatch(_NUMBER, first, re.IGNORECASE) else "vector"
    ends = _closed(tokens)
    if len(ends) == 1 and ends[0] == len(tokens) - 1:
        if (group, first) == ("sign", "(") and depth < _DEEPEST:
            return _type(tokens[1:-1], depth + 1)
        if first.lower() in _SCALARS and tokens[1] == ("sign", "("):
            return "scalar"
    return "range" if any(tokens[end] == ("sign", "]") for end in ends) else "vector"


def _closed(tokens: Sequence[_Token]) -> list[int]:
    """Return the positions at which the outermost brackets close."""
    ends, depth = [], 0
    for index, (group, text) in enumerate(tokens):
        if group == "sign" and text in "([{":
            depth += 1
        elif group == "sign" and text in ")]}":
            depth -= 1
            if depth == 0:
                ends.append(index)
    return ends
