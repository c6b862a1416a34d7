"""The keywords of ``jsonschema`` with guards: they count work, and stop if engines may disagree."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from jsonschema.exceptions import ValidationError
from jsonschema.protocols import Validator
from jsonschema.validators import extend

from rollout_spec.domain.contracts.exact import key, type_of
from rollout_spec.domain.contracts.patterns import is_plain, is_portable

_MANY, _LONG, _DEEPEST, _MOST_LOOPS = 32, 32, 50, 50
_COSTS = {"$ref": 6, "$dynamicRef": 6, "unevaluatedProperties": 6, "unevaluatedItems": 6, "anyOf": 4, "oneOf": 4}
"""The cost of expensive keywords, in cheap ones."""
_Keyword = Callable[[Any, Any, Any, Any], Iterator[ValidationError]]


class UnsureError(Exception):
    """The judgement is not certain."""


class WorkDoneError(Exception):
    """The comparison has used all the work that it may take."""


class Work:
    """The work of one comparison, in evaluated keywords, which is the same on every machine.

    ``loops`` counts judgements that lead to themselves. ``explodes``: a single judgement exceeds the limit.
    """

    def __init__(self, most: int) -> None:
        self.left = most
        self.loops = 0
        self.explodes = False

    def take(self, cost: int = 1) -> None:
        """Count a keyword."""
        self.left -= cost
        if self.left < 0:
            raise WorkDoneError

    def loop(self) -> None:
        """Count a judgement that did not end, because the schema leads to itself."""
        self.loops += 1
        if self.loops > _MOST_LOOPS:
            raise WorkDoneError


class Carrier:
    """The state of a judge that its keywords share. It lets every format pass: formats are annotations."""

    def __init__(self, work: Work) -> None:
        self.work = work
        self.keys: dict[int, frozenset[str]] = {}
        self.depth = 0

    def check(self, instance: object, format: str) -> None:
        """Let every format pass."""


@cache
def guarded(dialect: type[Validator]) -> Any:
    changed = {name: _counted(keyword, _COSTS.get(name, 1)) for name, keyword in dialect.VALIDATORS.items()}
    for name in ("$ref", "$dynamicRef"):
        if name in changed:
            changed[name] = _followed(changed[name])
    changed["pattern"] = _with_pattern(changed["pattern"])
    for name in ("patternProperties", "additionalProperties", "unevaluatedProperties"):
        if name in changed:
            changed[name] = _with_names(changed[name])
    if "enum" in changed:
        changed["enum"] = _enumerated(changed["enum"])
    checker = dialect.TYPE_CHECKER.redefine("integer", lambda _, value: type_of(value) == "integer")
    return extend(dialect, changed, type_checker=checker)  # type: ignore[no-untyped-call]


def _counted(keyword: _Keyword, cost: int) -> _Keyword:
    def run(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
        extra_cost = len(value) // _LONG if isinstance(value, list | dict) else 0
        validator.format_checker.work.take(cost + extra_cost)
        return keyword(validator, value, instance, schema)

    return run


def _followed(keyword: _Keyword) -> _Keyword:
    """Limit the nesting of references, well below the limit of the stack."""

    def run(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
        carrier = validator.format_checker
        carrier.depth += 1
        try:
            if carrier.depth > _DEEPEST:
                raise RecursionError
            yield from keyword(validator, value, instance, schema)
        finally:
            carrier.depth -= 1

    return run


def _with_pattern(keyword: _Keyword) -> _Keyword:
    def run(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
        if isinstance(instance, str) and not (is_portable(value) and is_plain(instance)):
            raise UnsureError
        return keyword(validator, value, instance, schema)

    return run


def _with_names(keyword: _Keyword) -> _Keyword:
    def run(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
        patterns = schema.get("patternProperties", ()) if isinstance(instance, dict) and instance else ()
        if patterns and not (all(map(is_portable, patterns)) and all(map(is_plain, instance))):
            raise UnsureError
        return keyword(validator, value, instance, schema)

    return run


def _enumerated(keyword: _Keyword) -> _Keyword:
    """Look a value up in a long list by its key."""

    def run(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
        if len(value) <= _MANY:
            yield from keyword(validator, value, instance, schema)
            return
        keys = validator.format_checker.keys
        if id(value) not in keys:
            keys[id(value)] = frozenset(map(key, value))
        if key(instance) not in keys[id(value)]:
            yield ValidationError("this is none of the listed values")

    return run
