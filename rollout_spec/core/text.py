"""Text for messages: escaped, folded, shortened, and with the nearest known name."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence

_MAX_LINE = 500
_MAX_EXCERPT = 60
_MAX_CANDIDATES = 100
_MAX_LISTED = 8
_SHORT_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def escape(text: str, keep: str = "") -> str:
    """Return a text with its unprintable characters as escapes, except those in ``keep``.

    An unprintable character can move the cursor of a terminal, or hide text from a reader.
    """
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() or letter in keep else _escaped(letter) for letter in text)


def _escaped(letter: str) -> str:
    code = ord(letter)
    return _SHORT_ESCAPES.get(letter) or (f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}")


def one_line(text: str, longest: int = _MAX_LINE) -> str:
    """Fold a text into one printable line of at most ``longest`` characters."""
    folded = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return folded if len(folded) <= longest else folded[: longest - 1] + "…"


def excerpt(text: str, longest: int = _MAX_EXCERPT) -> str:
    """Shorten a text for a message, and escape it."""
    return escape(text if len(text) <= longest else text[:longest] + "…")


def join_some(items: Sequence[str], most: int) -> str:
    """Return the first ``most`` items, joined by commas, and the number of other items."""
    left_out = len(items) - most
    return ", ".join(items[:most]) + (f" and {left_out:,} more" if left_out > 0 else "")


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return a line for each row of a table, with columns of equal width."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)) for row in rows]


def nearest(name: str, known: Iterable[object]) -> str | None:
    """Return the known name that is most like a misspelled one, or None."""
    from difflib import get_close_matches  # most checks find nothing misspelled

    names = [str(candidate) for candidate in known]
    if len(names) > _MAX_CANDIDATES:  # compare only the names beside it in the alphabet
        names.sort()
        at = bisect_left(names, name)
        names = names[max(0, at - _MAX_CANDIDATES // 2) : at + _MAX_CANDIDATES // 2]
    matches = get_close_matches(name, names, cutoff=0.6)
    swapped = (match for match in matches if sorted(match) == sorted(name))
    return next(swapped, matches[0] if matches else None)


def did_you_mean(name: str, known: Iterable[object], otherwise: str | None = None) -> str | None:
    """Return a hint with the nearest known name, or with all names if they are few.

    ``otherwise`` is added unless one name is near: it says how to make a new one.
    """
    names = sorted(str(candidate) for candidate in known)
    match = nearest(name, names)
    if match:
        return f"did you mean `{match}`?"
    listed = f"known: {', '.join(f'`{candidate}`' for candidate in names)}" if 0 < len(names) <= _MAX_LISTED else None
    return "; ".join(part for part in (listed, otherwise) if part) or None
