"""JMESPath expressions, compiled with the function ``labels`` in addition.

``labels(text)`` returns the pairs ``name=value`` in a text as an object; of two pairs with one name, the first counts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

from rollout_spec.core.errors import UserError
from rollout_spec.core.text import did_you_mean, excerpt, one_line

LONGEST = 2000
_PAIR = re.compile(r"(?<![\w.=-])([a-z]{1,40})=([A-Za-z0-9._+-]{1,200})(?![\w=])")
_LONGEST_TEXT = 10_000

Search = Callable[[Any], Any]


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

    def search(value: Any) -> Any:
        try:
            return parsed.search(value, options)
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
