"""JMESPath expressions, compiled with the function ``labels`` in addition.

``labels(text)`` returns the pairs ``name=value`` in a text as an object; of two pairs with one name, the first counts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from rollout_spec.core.errors import UserError
from rollout_spec.core.text import did_you_mean, excerpt, one_line

LONGEST = 2000
_PAIR = re.compile(r"(?<![\w.=-])([a-z]{1,40})=([A-Za-z0-9._+-]{1,200})(?![\w=])")
_LONGEST_TEXT = 10_000

_MOST_STEPS = 5_000_000
"""The steps of all expressions for one payload: a few seconds."""
_MOST_ELEMENTS = 4_000_000
"""The elements of a list, and the values and characters that a function gets. Each `[@, @][]` doubles them."""


@dataclass
class Steps:
    """The steps that the expressions of one payload have left."""

    left: int = _MOST_STEPS

    def take(self, count: int) -> None:
        """Take steps. UserError if too few are left."""
        self.left -= count
        if self.left < 0:
            raise UserError("the expressions of the mapping take too long for this payload")


Search = Callable[[Any, Steps], Any]


class ValueUnknownError(ValueError):
    """An expression that does not fit a payload, for example a function of a missing field."""


def compile_mapping(mapping: Mapping[str, str]) -> dict[str, Search]:
    """Return a search for each expression of a mapping. UserError names the field of a wrong one."""
    return {name: _compiled(name, expression) for name, expression in mapping.items()}


@cache
def _compiled(name: str, expression: str) -> Search:
    try:
        import jmespath
    except ImportError:
        raise UserError(
            "monitors of `type: json` need the package jmespath", hint='run `pip install "rollout-spec[serve]"`'
        ) from None
    from jmespath.exceptions import JMESPathError

    if len(expression) > LONGEST:
        raise UserError(f"the expression of `{name}` has more than {LONGEST:,} characters")
    try:
        parsed = jmespath.compile(expression)
        calls = list(_calls(parsed.parsed))
    except (JMESPathError, RecursionError) as error:
        reason = one_line(str(error)) or type(error).__name__
        raise UserError(f"the expression of `{name}` is not JMESPath: {excerpt(reason, 200)}") from None
    unknown = next((call for call in calls if call not in _functions().FUNCTION_TABLE), None)
    if unknown is not None:
        hint = did_you_mean(unknown, _functions().FUNCTION_TABLE)
        raise UserError(f"the expression of `{name}` calls an unknown function: {excerpt(unknown)}()", hint=hint)
    options = jmespath.Options(custom_functions=_functions())

    def search(value: Any, steps: Steps) -> Any:
        try:
            return _interpreter()(options, steps).visit(parsed.parsed, value)
        except (JMESPathError, ValueError, TypeError, ArithmeticError, RecursionError) as error:
            reason = excerpt(one_line(str(error)), 200)
            raise ValueUnknownError(f"the expression of `{name}` does not fit: {reason}") from None

    return search


def _calls(tree: Any) -> Iterator[str]:
    """Yield the names of the functions that an expression calls."""
    if tree["type"] == "function_expression":
        yield tree["value"]
    for child in tree["children"]:
        if isinstance(child, dict):
            yield from _calls(child)


@cache
def _functions() -> Any:
    from jmespath import functions

    class Functions(functions.Functions):
        @functions.signature({"types": ["string", "null"]})
        def _func_labels(self, text: str | None) -> dict[str, str]:
            pairs = _PAIR.findall((text or "")[:_LONGEST_TEXT])
            return dict(reversed(pairs))

    return Functions()


@cache
def _interpreter() -> Any:
    from jmespath.visitor import TreeInterpreter

    class Interpreter(TreeInterpreter):
        """The interpreter of JMESPath within limits: `[@, @]` once more doubles a value."""

        def __init__(self, options: Any, steps: Steps) -> None:
            super().__init__(options)
            self._steps = steps

        def visit(self, node: Any, *args: Any, **kwargs: Any) -> Any:
            self._steps.take(1)
            result = super().visit(node, *args, **kwargs)
            if type(result) is list and len(result) > _MOST_ELEMENTS:
                raise UserError(f"the expressions of the mapping make a list of more than {_MOST_ELEMENTS:,} elements")
            return result

        def visit_function_expression(self, node: Any, value: Any) -> Any:
            """Call a function of values that are not too large together."""
            values = [self.visit(child, value) for child in node["children"]]
            size = _size(values)
            if node["value"] == "join" and size <= _MOST_ELEMENTS and isinstance(values[0], str):
                size = len(values[0]) * (len(values[1]) if isinstance(values[1], list) else 1)
            self._check(size)
            return super().visit_function_expression(_with(node, values), value)

        def visit_comparator(self, node: Any, value: Any) -> Any:
            """Compare values that are not too large."""
            values = [self.visit(child, value) for child in node["children"]]
            self._check(_size(values))
            return super().visit_comparator(_with(node, values), value)

        def _check(self, size: int) -> None:
            if size > _MOST_ELEMENTS:
                raise UserError("the expressions of the mapping make a value that is too large")
            self._steps.take(size // 10)

    return Interpreter


def _with(node: Any, values: list[Any]) -> Any:
    """Return a node with the values of its children in their place."""
    return {**node, "children": [{"type": "literal", "value": each, "children": []} for each in values]}


def _size(values: list[Any]) -> int:
    """Return the number of values and characters, counted up to the limit.

    A list may hold another one many times.
    """
    size, rest = len(values), [*values]
    while rest and size <= _MOST_ELEMENTS:
        value = rest.pop()
        if isinstance(value, str | list | dict):
            size += len(value)
        if size <= _MOST_ELEMENTS and isinstance(value, list | dict):
            rest += value.values() if isinstance(value, dict) else value
    return size
