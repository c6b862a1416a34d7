"""Problems of values that a model refuses: another type, another choice, beyond a bound."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from typing import Any

from rollout_spec.core.findings import KeyPath, Problem
from rollout_spec.core.text import excerpt, nearest
from rollout_spec.core.units import format_share
from rollout_spec.core.yaml.scalars import quote, resolve
from rollout_spec.spec.field_names import missing_field

_MAPPING = ("a mapping", "write `key: value`")
_WRITE = {
    "bool_type": ("`true` or `false`", None),
    "int_type": ("a whole number", "write digits alone, such as `3`"),
    "list_type": ("a list", "write `[…]`"),
    "dict_type": _MAPPING,
    "model_type": _MAPPING,
    "model_attributes_type": _MAPPING,
    "not_number": ("a number, in digits and without quotes", "write digits, such as `0.2`"),
    "not_bound": ("a share, or a number for a metric that is no ratio", "write `5%`, or `0.2`"),
}
_UNQUOTED = {"not_number": (int, Decimal), "int_type": (int,), "bool_type": (bool,)}
_MEANS = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}


def wrong_value(path: KeyPath, fault: Any, data: Any, bare: Callable[[KeyPath], str | None]) -> Problem:
    kind, context, value = fault["type"], fault.get("ctx", {}), fault["input"]
    key_is_wrong = bool(fault["loc"]) and fault["loc"][-1] == "[key]"
    if "at" in context:
        return Problem((*path, str(context["at"])), fault["msg"])
    if kind in ("string_type", "not_text"):
        noun = str(context.get("kind", "text"))
        if context.get("words"):
            return Problem(path, f"{context['words']}, not {_seen(value, bare(path))}")
        if context.get("unit") and isinstance(value, int | Decimal):
            hint: str | None = f"write `{bare(path)}{context['unit']}`"
            if context["unit"] == "%" and 0 < value < 1:
                hint = f"write `{format_share(100 * Decimal(value))}`, or `{bare(path)}%` if so little is meant"
            return Problem(path, f"this is {noun}, and {_seen(value, bare(path))} has no unit", hint)
        return Problem(path, *_not_text(noun if noun == "text" else f"{noun}, and so text", value, bare(path)))
    if kind in _WRITE:
        return Problem(
            path, f"this is {_WRITE[kind][0]}, not {_seen(value, bare(path))}", _spelling(kind, value, bare(path))
        )
    if kind == "literal_error":
        return _wrong_choice(path, value, context["expected"], bare)
    if kind == "union_tag_invalid":
        tag = str(context["discriminator"]).strip("'")
        return _wrong_choice((*path, tag), value[tag], context["expected_tags"], bare)
    if kind == "union_tag_not_found":
        if not isinstance(value, dict):
            return Problem(path, f"this is {_MAPPING[0]}, not {_seen(value, bare(path))}", _MAPPING[1])
        return missing_field(path, str(context["discriminator"]).strip("'"), value, [])
    if kind in ("greater_than", "greater_than_equal", "less_than", "less_than_equal"):
        words = {
            "greater_than": "above",
            "greater_than_equal": "at least",
            "less_than": "below",
            "less_than_equal": "at most",
        }[kind]
        bound = next(context[name] for name in ("gt", "ge", "lt", "le") if name in context)
        return Problem(path, f"this is {words} {bound}, not {_seen(value, bare(path))}")
    if kind == "too_short":
        return Problem(path, "this is empty, and needs one entry at least")
    if kind == "string_too_short":
        return Problem(path, "this text is empty")
    message = fault["msg"]
    if isinstance(value, str) and kind == "misspelled":
        message += f", not {_seen(value, None if key_is_wrong else bare(path))}"
    return Problem(path, message, context.get("hint"), on_key=key_is_wrong or isinstance(value, dict))


def _wrong_choice(path: KeyPath, value: Any, expected: str, bare: Callable[[KeyPath], str | None]) -> Problem:
    choices = [part.strip().strip("'") for part in expected.replace(" or ", ", ").split(", ")]
    close = nearest(value.lower(), choices) if isinstance(value, str) else None
    words = ("one of " if len(choices) > 1 else "") + ", ".join(f"`{choice}`" for choice in choices)
    hint = f"did you mean `{close}`?" if close else None
    return Problem(path, f"this is {words}, not {_seen(value, bare(path))}", hint)


def _spelling(kind: str, value: Any, written: str | None) -> str | None:
    """Say what to write instead of a value of another type."""
    if kind in _UNQUOTED and written is None and isinstance(value, str) and value:
        with suppress(ValueError):
            if isinstance(resolve(value), _UNQUOTED[kind]):
                return "remove the quotes"
    if kind == "bool_type" and str(value).lower() in _MEANS:
        return f"write `{_MEANS[str(value).lower()]}`"
    if kind == "list_type" and isinstance(value, str | int | Decimal):
        return f"write `[{excerpt(quote(value) if written is None else written)}]`"
    return _WRITE[kind][1]


def _not_text(wanted: str, value: Any, written: str | None) -> tuple[str, str]:
    if written is None or isinstance(value, dict | list):
        return f"this is {wanted}, not {_seen(value, written)}", "write one value here"
    if value is None:
        return f"this is {wanted}, and nothing is written here", "write a value, or remove the key"
    number = f"{value:f}".rstrip("0").rstrip(".") if "." in str(value) else str(value).lower()
    kind = "the number" if not isinstance(value, bool) else "the boolean"
    return (
        f"this is {wanted}, and an unquoted {excerpt(written)} is {kind} {excerpt(number)} in YAML",
        f"quote it: {quote(written)}",
    )


def _seen(value: Any, written: str | None) -> str:
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if value is None:
        return "nothing"
    if value == "":
        return "an empty text"
    if written is None:
        written = quote(value) if isinstance(value, str) else str(value)
    return f"`{excerpt(written)}`"
