"""Bounds on numbers, texts, lists and objects: each may be compared where nothing else decides what is left."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from rollout_spec.scalars import excerpt

_Number = int | Decimal
_Bound = tuple[_Number, bool]
"""A bound, and whether it is itself outside."""
_ANYTHING = frozenset({"", "^", "$", ".*", "^.*", ".*$", "^.*$", "(.*)", r"[\s\S]*", r"^[\s\S]*$"})


def tightened(old: dict[str, Any], new: dict[str, Any], types: frozenset[str]) -> Iterator[tuple[str, str]]:
    """Give the keywords of the new schema that refuse what the old one accepted, with words; ``types`` are of both."""
    if "integer" in types:
        whole = "number" not in types
        yield from _step(old, new, whole)
        yield from _range(old, new, whole)
    if "string" in types:
        yield from _text(old, new)
    if "array" in types:
        yield from _list(old, new)
    if "object" in types:
        yield from _fields(old, new)


def _step(old: dict[str, Any], new: dict[str, Any], whole: bool) -> Iterator[tuple[str, str]]:
    step = new.get("multipleOf")
    if step is None:
        return
    before: _Number | None = old.get("multipleOf", 1 if whole else None)
    try:
        fits = before is not None and not before % step
    except ArithmeticError:
        return  # numbers so far apart that nobody meant them
    if not fits:
        yield "multipleOf", f"only multiples of {excerpt(str(step))} are accepted now"


def _range(old: dict[str, Any], new: dict[str, Any], whole: bool) -> Iterator[tuple[str, str]]:
    """Compare the least and the greatest number. Of multiples nobody knows whether one lies in between."""
    for sign, bound, beyond in ((1, "minimum", "exclusiveMinimum"), (-1, "maximum", "exclusiveMaximum")):
        if any(isinstance(schema.get(beyond), bool) for schema in (old, new)):
            continue  # draft 4
        was, now = (_bound(schema, bound, beyond, sign, whole) for schema in (old, new))
        if now is None or (was is not None and ("multipleOf" in old or (whole and not isinstance(was[0], int)))):
            continue
        if was is None or now > was:
            side = "below" if sign > 0 else "above"
            shown = excerpt(str(_turned(now[0], sign)))
            words = f"{shown} and what is {side} it" if now[1] else f"what is {side} {shown}"
            yield (beyond if now[1] and beyond in new else bound if bound in new else beyond), f"{words} is refused now"


def _bound(schema: dict[str, Any], bound: str, beyond: str, sign: int, whole: bool) -> _Bound | None:
    """Return the tighter bound, turned around for the greatest, so that the larger one is the tighter one."""
    found: list[_Bound] = []
    if bound in schema:
        found.append((_turned(schema[bound], sign), False))
    if beyond in schema:
        value = _turned(schema[beyond], sign)
        found.append((value + 1, False) if whole and isinstance(value, int) else (value, True))
    return max(found, default=None)


def _turned(number: _Number, sign: int) -> _Number:
    """Return a number, or its negative, exactly: what `-` makes of a Decimal is rounded."""
    if sign > 0:
        return number
    return number.copy_negate() if isinstance(number, Decimal) else -number


def _text(old: dict[str, Any], new: dict[str, Any]) -> Iterator[tuple[str, str]]:
    limits = {"pattern", "format", "minLength", "maxLength"} & old.keys()
    if "pattern" not in old:
        yield from _counts(old, new, "Length", "characters", 0, None)
    if not limits and new.get("pattern", "") not in _ANYTHING:
        yield "pattern", f"only texts that match `{excerpt(new['pattern'])}` are accepted now"


def _list(old: dict[str, Any], new: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if old.get("items") is False or old.get("uniqueItems"):
        return  # how long it can be depends on what is in it
    yield from _counts(old, new, "Items", "entries", 0, None)
    if new.get("uniqueItems") and old.get("maxItems", 2) > 1:
        yield "uniqueItems", "an entry that is there twice is refused now"


def _fields(old: dict[str, Any], new: dict[str, Any]) -> Iterator[tuple[str, str]]:
    closed = old.get("additionalProperties") is False
    most = len(old.get("properties", ())) if closed else None
    yield from _counts(old, new, "Properties", "fields", len(set(old.get("required", ()))), most)


def _counts(
    old: dict[str, Any], new: dict[str, Any], what: str, noun: str, least: int, most: int | None
) -> Iterator[tuple[str, str]]:
    """Compare how many there may be; ``least`` and ``most`` are what else the old schema says of that."""
    fewest, limit = f"min{what}", f"max{what}"
    if new.get(fewest, 0) > max(old.get(fewest, 0), least):
        yield fewest, f"fewer than {new[fewest]} {noun} are refused now"
    before = min((each for each in (old.get(limit), most) if each is not None), default=None)
    if limit in new and (before is None or new[limit] < before):
        yield limit, f"more than {new[limit]} {noun} are refused now"
