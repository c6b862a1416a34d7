"""The CEL engine: compilation and evaluation of expressions, and the wording of its errors.

Kubernetes writes admission policies in CEL, because it has no side effects, always ends, and reports the position of
errors. The engine returns an error at run time as a text, which Python takes for true: so only the value ``True``
passes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, Protocol

from rollout_spec.core.errors import UserError

if TYPE_CHECKING:
    from rollout_spec.checks.policies.cel_ast import Node

LONGEST_EXPRESSION = 4_096
"""The most characters of an expression; with the engine's limits on loops and depth, they limit time and memory."""
VARIABLES = ("rollout", "base", "components", "incidents", "workspace", "now")
_ERROR = re.compile(r"<input>:(-?\d+):(-?\d+): (.*)")
_KIND_NAMES = {
    **dict.fromkeys(("INT", "UINT", "DOUBLE"), "a number"),
    **{"STRING": "a text", "LIST": "a list", "MAP": "a mapping", "NULL": "null"},
    **{"DURATION": "a duration", "TIMESTAMP": "a time"},
}
_NO_ENTRY = (
    (re.compile(r".*Key not found in map : (.*)"), "there is no entry {}"),
    (re.compile(r".*Index error: index=(-?\d+) size=(\d+)"), "there is no entry {} in a list of {}"),
)
_MESSAGES = (
    *_NO_ENTRY,
    (re.compile(r".*No matching overloads? found : ?(.*)"), "it cannot be computed: {}"),
    (re.compile(r".*Applying SELECT to non-message type"), "it selects a field of null, or of a value without fields"),
    (
        re.compile(r".*Invalid container type: '(?:null_type|(.*))'"),
        "it looks up an entry of null, or of a value without entries",
    ),
    (re.compile(r".*[Bb]udget exceeded.*"), "its loops take more than 10,000 iterations"),
    (re.compile(r"[A-Z_]+: (.*?)(?: \[[A-Z_]+\])?"), "{}"),
)


class ExpressionError(Exception):
    """An expression that does not compile, with the 1-based line and column of the error."""

    def __init__(self, message: str, line: int = 1, column: int = 1, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.column = column
        self.hint = hint


@dataclass(frozen=True)
class Failed:
    """The reason why an expression gave neither true nor false.

    ``entry`` means that it looked up an absent entry, which depends on the rollout. ``hint`` is set if it exceeded a
    limit, or was not evaluated because another did; ``is_exceeding`` means that it was the first. ``is_unread`` means
    that it needs a file that does not load.
    """

    why: str
    entry: bool = False
    hint: str | None = None
    is_unread: bool = False
    is_exceeding: bool = False


PolicyVerdict = bool | Failed


class Program(Protocol):
    """A compiled expression."""

    def judge(self, values: Any, /) -> PolicyVerdict:
        """Evaluate the expression on values from ``bind``."""

    def text(self, values: Any, /) -> str | None:
        """Evaluate the expression on values from ``bind``; None if it gives no text."""

    def tree(self) -> Node:
        """Return the expression's tree."""


def bind(values: Mapping[str, Any]) -> Any:
    """Return values, by the names of ``VARIABLES``, in the form that ``judge`` of any program takes."""
    return _environment().Activation(dict(values))


@lru_cache(maxsize=1024)
def compile(text: str) -> Program:
    """Compile an expression, once in a process. Raise ``ExpressionError`` if it does not compile."""
    if len(text) > LONGEST_EXPRESSION:
        raise ExpressionError(
            f"this expression has {len(text):,} characters; at most {LONGEST_EXPRESSION:,} are allowed"
        )
    try:
        return _Cel(_environment().compile(text), *_kinds())
    except RuntimeError as error:
        raise _refusal(str(error), text) from None


@dataclass(frozen=True)
class _Cel:
    expression: Any
    boolean: Any
    error: Any

    def judge(self, values: Any) -> PolicyVerdict:
        try:
            result = self.expression.eval(values)
        except RuntimeError as error:
            return _failed(str(error))
        kind = result.type()
        if kind == self.boolean:
            return result.plain_value() is True
        if kind == self.error:
            return _failed(str(result.plain_value()))
        return Failed(f"it gives {_KIND_NAMES.get(kind.name().split('<')[0], 'something else')}, not true or false")

    def text(self, values: Any) -> str | None:
        try:
            result = self.expression.eval(values)
        except RuntimeError:
            return None
        value = None if result.type() == self.error else result.plain_value()  # an error is a text too
        return value if isinstance(value, str) else None

    def tree(self) -> Node:
        from rollout_spec.checks.policies.cel_ast import read

        return read(self.expression.serialize())


@cache
def _environment() -> Any:
    try:
        from cel_expr_python.cel import NewEnv, Type
    except ImportError as error:  # it has no wheels for musl
        raise UserError(f"policies need cel-expr-python, which cannot be loaded: {error}") from None
    return NewEnv(variables=dict.fromkeys(VARIABLES, Type.DYN))


@cache
def _kinds() -> tuple[Any, Any]:
    """Return the engine's types of booleans and of errors."""
    from cel_expr_python.cel import Type

    return Type.BOOL, Type.ERROR


def _refusal(message: str, text: str) -> ExpressionError:
    """Return a plain message for an expression that does not compile."""
    match = _ERROR.search(message)
    if not match:
        return ExpressionError(_plain(message))
    line, column, text_of_error = max(int(match[1]), 1), max(int(match[2]), 1), re.sub(r" \[[A-Z_]+\]$", "", match[3])
    undeclared = re.match(r"undeclared reference to '\.?([^.']*)", text_of_error)
    if undeclared:
        return _undeclared(undeclared[1], line, column, text.split("\n")[line - 1])
    mismatched = re.match(r"found no matching overload for '(.*)' applied to '\((.*)\)'", text_of_error)
    if mismatched:
        return ExpressionError(f"`{mismatched[1].strip('_@')}` does not take {mismatched[2]}", line, column)
    if text_of_error.startswith("Syntax error"):
        return ExpressionError(
            f"this is not CEL: {_misread(text_of_error.removeprefix('Syntax error: '))}", line, column
        )
    if text_of_error.startswith("Exceeded max recursion"):
        return ExpressionError("this expression is nested too deeply")
    return ExpressionError(text_of_error, line, column)


def _misread(message: str) -> str:
    """Shorten the message of the parser."""
    message = re.sub(r" expecting .*", "", message)
    match = re.match(r"(missing|mismatched|extraneous|no viable|token)[^']*'(.*?)'(?: at '(.*)')?$", message)
    if not match:
        return message
    kind, symbol, before = match.groups()
    if kind == "missing":
        return f"`{symbol}` is missing " + ("at its end" if before == "<EOF>" else f"before `{before}`")
    return "it ends too early" if symbol == "<EOF>" else f"`{symbol}` is not expected here"


def _undeclared(name: str, line: int, column: int, source: str) -> ExpressionError:
    """Return the error of an unknown variable or function.

    The engine points at the character behind its name.
    """
    from rollout_spec.checks.policies.type_rules import FUNCTIONS
    from rollout_spec.core.text import did_you_mean, nearest

    index = source.rfind(name, 0, column + len(name))
    start = index + 1 if index >= 0 else column
    if source[start - 1 + len(name) :].lstrip().startswith("("):
        similar = nearest(name, FUNCTIONS)
        return ExpressionError(
            f"there is no function `{name}`", line, start, f"did you mean `{similar}`?" if similar else None
        )
    return ExpressionError(f"there is no variable `{name}`", line, start, did_you_mean(name, VARIABLES))


def _failed(message: str) -> Failed:
    return Failed(_plain(message), any(pattern.match(message) for pattern, _ in _NO_ENTRY))


def _plain(engine_message: str) -> str:
    """Return a plain message for a run-time error of the engine."""
    first = engine_message.split("\n", 1)[0]
    for pattern, message in _MESSAGES:
        match = pattern.fullmatch(first)
        if match:
            return message.format(*match.groups())
    return first
