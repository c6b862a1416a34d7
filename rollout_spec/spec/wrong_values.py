"""Problems of values with a wrong type, a wrong format, an unknown choice or a number out of bounds."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from rollout_spec.core.findings import KeyPath, Problem
from rollout_spec.core.text import excerpt, nearest
from rollout_spec.core.units import duration_hint, format_share
from rollout_spec.core.yaml.scalars import quote, resolve
from rollout_spec.spec.field_names import missing_field

_MAPPING = ("a mapping", "write `key: value`")
_EXPECTED = {
    "bool_type": ("`true` or `false`", None),
    "int_type": ("a whole number", "write digits alone, such as `3`"),
    "list_type": ("a list", "write `[…]`"),
    "dict_type": _MAPPING,
    "model_type": _MAPPING,
    "model_attributes_type": _MAPPING,
    "not_number": ("a number, in digits and without quotes", "write digits, such as `0.2`"),
    "not_bound": ("a share, or a number for a metric that is not a ratio", "write `5%`, or `0.2`"),
}
_BOUNDS = {
    "greater_than": ("above", "gt"),
    "greater_than_equal": ("of at least", "ge"),
    "less_than": ("below", "lt"),
    "less_than_equal": ("of at most", "le"),
}
_UNQUOTED = {"not_number": (int, Decimal), "int_type": (int,), "bool_type": (bool,)}
_MEANS = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}


@dataclass(frozen=True)
class _Fault:
    """An error of pydantic at a path. ``bare`` is the text of the value, if it has no quotes."""

    path: KeyPath
    kind: str
    message: str
    context: dict[str, Any]
    value: Any
    bare: str | None
    on_key: bool

    @property
    def actual(self) -> str:
        return _actual(self.value, self.bare)

    def expected(self, text: str, hint: str | None = None) -> Problem:
        return Problem(self.path, f"expected {text}; got {self.actual}", hint)


def wrong_value(path: KeyPath, fault: Any, bare: Callable[[KeyPath], str | None]) -> Problem:
    """Return the problem for an error of pydantic.

    ``bare`` returns the text of a scalar without quotes, or None.
    """
    on_key = bool(fault["loc"]) and fault["loc"][-1] == "[key]"
    error = _Fault(path, fault["type"], fault["msg"], fault.get("ctx", {}), fault["input"], bare(path), on_key)
    kind, context = error.kind, error.context
    if "at" in context:
        return Problem((*path, str(context["at"])), error.message, context.get("hint"))
    if kind in ("string_type", "not_text"):
        return _not_text(error)
    if kind in _EXPECTED:
        return error.expected(_EXPECTED[kind][0], _hint(error))
    if kind == "literal_error":
        return _wrong_choice(path, error.value, error.bare, context["expected"])
    if kind.startswith("union_tag"):
        return _wrong_tag(error, str(context["discriminator"]).strip("'"), bare)
    if kind in _BOUNDS:
        word, name = _BOUNDS[kind]
        return error.expected(f"a number {word} {context[name]}")
    if kind == "too_short":
        return Problem(path, "this is empty, but needs at least one entry")
    if kind == "string_too_short":
        return Problem(path, "this text is empty")
    message = error.message
    if isinstance(error.value, str) and kind == "misspelled":
        message += f"; got {_actual(error.value, None if on_key else error.bare)}"
    return Problem(path, message, context.get("hint"), on_key=on_key or isinstance(error.value, dict))


def _wrong_tag(error: _Fault, field: str, bare: Callable[[KeyPath], str | None]) -> Problem:
    """Return the problem of the field that selects one of several models."""
    if error.kind == "union_tag_invalid":
        path = (*error.path, field)
        return _wrong_choice(path, error.value[field], bare(path), error.context["expected_tags"])
    if not isinstance(error.value, dict):
        return error.expected(*_MAPPING)
    return missing_field(error.path, field, error.value, [])


def _wrong_choice(path: KeyPath, value: Any, bare: str | None, expected: str) -> Problem:
    choices = [part.strip().strip("'") for part in expected.replace(" or ", ", ").split(", ")]
    match = nearest(value.lower(), choices) if isinstance(value, str) else None
    text = ("one of " if len(choices) > 1 else "") + ", ".join(f"`{choice}`" for choice in choices)
    hint = f"did you mean `{match}`?" if match else None
    return Problem(path, f"expected {text}; got {_actual(value, bare)}", hint)


def _hint(error: _Fault) -> str | None:
    """Return what to write instead of a value of another type."""
    kind, value, bare = error.kind, error.value, error.bare
    if kind in _UNQUOTED and bare is None and isinstance(value, str) and value:
        with suppress(ValueError):
            if isinstance(resolve(value), _UNQUOTED[kind]):
                return "remove the quotes"
    if kind == "bool_type" and str(value).lower() in _MEANS:
        return f"write `{_MEANS[str(value).lower()]}`"
    if kind == "list_type" and isinstance(value, str | int | Decimal):
        return f"write `[{excerpt(quote(value) if bare is None else bare)}]`"
    return _EXPECTED[kind][1]


def _not_text(error: _Fault) -> Problem:
    """Return the problem of a value that must be text, such as an unquoted number."""
    noun, value, bare = str(error.context.get("kind", "text")), error.value, error.bare
    unit = error.context.get("unit")
    if error.context.get("message"):
        return Problem(error.path, f"{error.context['message']}; got {error.actual}")
    if unit and isinstance(value, int | Decimal):
        hint = f"write `{bare}{unit}`" if unit == "%" else duration_hint(str(bare))
        if unit == "%" and 0 < value < 1:
            hint = f"write `{format_share(100 * Decimal(value))}`, or `{bare}%` if so little is meant"
        return Problem(error.path, f"expected {noun}; got {error.actual}, which has no unit", hint)
    expected = noun if noun == "text" else f"{noun}, which is text"
    if bare is None or isinstance(value, dict | list):
        return error.expected(expected, "write one value here")
    if value is None:
        return error.expected(expected, "write a value, or remove the key")
    number = f"{value:f}".rstrip("0").rstrip(".") if "." in str(value) else str(value).lower()
    kind = "the number" if not isinstance(value, bool) else "the boolean"
    message = f"expected {expected}; got an unquoted {excerpt(bare)}, which is {kind} {excerpt(number)} in YAML"
    return Problem(error.path, message, f"quote it: {quote(bare)}")


def _actual(value: Any, bare: str | None) -> str:
    """Return a value as messages show it."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if value is None:
        return "nothing"
    if value == "":
        return "an empty text"
    if bare is None:
        bare = quote(value) if isinstance(value, str) else str(value)
    return f"`{excerpt(bare)}`"
