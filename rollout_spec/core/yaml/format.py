"""YAML text for new values, as people write it.

It has one key a line, short collections in flow style, and few quotes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from rollout_spec.core.yaml.scalars import is_text, quote

_PLAIN = re.compile(r"[A-Za-z0-9/][A-Za-z0-9/._@+%-]*(:[A-Za-z0-9/._@+%-]+)*")
_WIDEST = 100


class Quoted(str):
    """A version or a pin: always written in quotes."""

    __slots__ = ()


def block(fields: Mapping[str, Any], indent: str = "") -> list[str]:
    """Return the lines of a mapping in block style.

    Mappings and lists in it are in flow style if they fit a line.
    """
    lines: list[str] = []
    for key, value in fields.items():
        name = inline(key)
        if isinstance(value, Sequence) and not isinstance(value, str) and any(isinstance(e, Mapping) for e in value):
            lines.append(f"{indent}{name}:")
            lines += [f"{indent}  - {inline(entry)}" for entry in value]
        elif isinstance(value, Mapping) and value and not _fits(value, f"{indent}{name}: "):
            lines.append(f"{indent}{name}:")
            lines += block(value, indent + "  ")
        else:
            colons = not isinstance(value, Mapping | Sequence) or isinstance(value, str)
            lines.append(f"{indent}{name}: {inline(value, colons=colons)}")
    return lines


def inline(value: Any, *, colons: bool = False) -> str:
    """Return a value in one line. ``colons``: a plain text may hold colons, as outside of braces."""
    if isinstance(value, Quoted):
        return f'"{value}"'
    if isinstance(value, str):
        is_plain = _PLAIN.fullmatch(value) and (colons or ":" not in value) and is_text(value)
        return value if is_plain else quote(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{inline(key)}: {inline(item)}" for key, item in value.items()) + "}"
    if isinstance(value, Sequence):
        return "[" + ", ".join(map(inline, value)) + "]"
    return quote(value)


def _fits(value: Mapping[str, Any], before: str) -> bool:
    """Return whether a mapping has only scalars and fits a line."""
    flat = not any(isinstance(item, Mapping) for item in value.values())
    return flat and len(before) + len(inline(value)) <= _WIDEST
