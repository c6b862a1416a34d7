"""CEL is what Kubernetes writes admission policies in: it has no side effects, always ends, and says where it is wrong.

The engine is behind one protocol. It returns what goes wrong at run time as a text, which Python would take for true:
only what is exactly ``True`` passes.
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
"""Characters of the longest expression: with it, the engine's own bounds on loops and depth bound time and memory."""
VARIABLES = ("rollout", "base", "components", "incidents", "workspace", "now")
_ERROR = re.compile(r"<input>:(-?\d+):(-?\d+): (.*)")
_GIVEN = {
    **dict.fromkeys(("INT", "UINT", "DOUBLE"), "a number"),
    **{"STRING": "a text", "LIST": "a list", "MAP": "a mapping", "NULL": "null"},
    **{"DURATION": "a duration", "TIMESTAMP": "a time"},
}
_NO_ENTRY = (
    (re.compile(r".*Key not found in map : (.*)"), "there is no entry {}"),
    (re.compile(r".*Index error: index=(-?\d+) size=(\d+)"), "there is no entry {} in a list of {}"),
)
_WORDS = (
    *_NO_ENTRY,
    (re.compile(r".*No matching overloads? found : ?(.*)"), "it cannot be computed: {}"),
    (re.compile(r".*Applying SELECT to non-message type"), "a field is asked of null, or of what has no fields"),
    (re.compile(r".*Invalid container type: '(?:null_type|(.*))'"), "an entry is asked of null, or of what has none"),
    (re.compile(r".*[Bb]udget exceeded.*"), "it takes more than 10,000 turns of its loops"),
    (re.compile(r"[A-Z_]+: (.*?)(?: \[[A-Z_]+\])?"), "{}"),
)


class ExpressionError(Exception):
    """An expression that does not compile: why, and where, 1-based lines and columns of its text."""

    def __init__(self, message: str, line: int = 1, column: int = 1, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.column = column
        self.hint = hint


@dataclass(frozen=True)
class Failed:
    """An expression that gave neither true nor false, and why.

    ``entry``: it asked for an entry that a list or a mapping has not, which is a matter of the rollout at hand.
    ``hint`` says what to do if it exceeded a limit, or was not asked since others did; ``is_exceeding``: it was the one
    that did. ``is_unread``: it asked for a file that does not load.
    """

    why: str
    entry: bool = False
    hint: str | None = None
    is_unread: bool = False
    is_exceeding: bool = False


PolicyVerdict = bool | Failed


class Program(Protocol):
    """An expression that compiled."""

    def judge(self, values: Any, /) -> PolicyVerdict:
        """Say whether values, as ``bind`` made them, meet the expression."""

    def tree(self) -> Node:
        """Return the expression's tree."""


def bind(values: Mapping[str, Any]) -> Any:
    """Return values by the names of ``VARIABLES`` in the form that ``judge`` takes, good for many programs."""
    return _environment().Activation(dict(values))


@lru_cache(maxsize=1024)
def compile(text: str) -> Program:
    """Compile an expression, once in a process. Raises ``Refused``."""
    if len(text) > LONGEST_EXPRESSION:
        raise ExpressionError(
            f"an expression has at most {LONGEST_EXPRESSION:,} characters, and this one {len(text):,}"
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
        return Failed(f"it gives {_GIVEN.get(kind.name().split('<')[0], 'something')}, not true or false")

    def tree(self) -> Node:
        from rollout_spec.checks.policies.cel_ast import read

        return read(self.expression.serialize())


@cache
def _environment() -> Any:
    try:
        from cel_expr_python.cel import NewEnv, Type
    except ImportError as error:  # there are no wheels of it for musl
        raise UserError(f"policies need cel-expr-python, which cannot be loaded: {error}") from None
    return NewEnv(variables=dict.fromkeys(VARIABLES, Type.DYN))


@cache
def _kinds() -> tuple[Any, Any]:
    """Return the engine's types of true and false, and of what went wrong."""
    from cel_expr_python.cel import Type

    return Type.BOOL, Type.ERROR


def _refusal(message: str, text: str) -> ExpressionError:
    """Turn the engine's words about an expression that does not compile into ours."""
    found = _ERROR.search(message)
    if not found:
        return ExpressionError(_plain(message))
    line, column, words = max(int(found[1]), 1), max(int(found[2]), 1), re.sub(r" \[[A-Z_]+\]$", "", found[3])
    undeclared = re.match(r"undeclared reference to '\.?([^.']*)", words)
    if undeclared:
        return _undeclared(undeclared[1], line, column, text.split("\n")[line - 1])
    mismatched = re.match(r"found no matching overload for '(.*)' applied to '\((.*)\)'", words)
    if mismatched:
        return ExpressionError(f"`{mismatched[1].strip('_@')}` does not take {mismatched[2]}", line, column)
    if words.startswith("Syntax error"):
        return ExpressionError(f"this is no CEL: {_misread(words.removeprefix('Syntax error: '))}", line, column)
    if words.startswith("Exceeded max recursion"):
        return ExpressionError("this expression is nested too deep")
    return ExpressionError(words, line, column)


def _misread(words: str) -> str:
    """Say in few words what a parser generator says in many."""
    words = re.sub(r" expecting .*", "", words)
    found = re.match(r"(missing|mismatched|extraneous|no viable|token)[^']*'(.*?)'(?: at '(.*)')?$", words)
    if not found:
        return words
    kind, what, at = found.groups()
    if kind == "missing":
        return f"`{what}` is missing " + ("at its end" if at == "<EOF>" else f"before `{at}`")
    return "it ends too early" if what == "<EOF>" else f"`{what}` is not expected here"


def _undeclared(name: str, line: int, column: int, written: str) -> ExpressionError:
    """Say that there is no such variable or function; the engine points at the dot or the bracket behind its name."""
    from rollout_spec.checks.policies.type_rules import FUNCTIONS
    from rollout_spec.core.text import did_you_mean, nearest

    begin = written.rfind(name, 0, column + len(name))
    place = begin + 1 if begin >= 0 else column
    if written[place - 1 + len(name) :].lstrip().startswith("("):
        close = nearest(name, FUNCTIONS)
        return ExpressionError(
            f"there is no function `{name}`", line, place, f"did you mean `{close}`?" if close else None
        )
    return ExpressionError(f"there is no variable `{name}`", line, place, did_you_mean(name, VARIABLES))


def _failed(message: str) -> Failed:
    return Failed(_plain(message), any(pattern.match(message) for pattern, _ in _NO_ENTRY))


def _plain(message: str) -> str:
    """Turn the engine's words about what went wrong at run time into ours."""
    first = message.split("\n", 1)[0]
    for pattern, words in _WORDS:
        found = pattern.fullmatch(first)
        if found:
            return words.format(*found.groups())
    return first
