"""Text from outside, made fit to be shown."""

from __future__ import annotations

_LONGEST = 500


def one_line(text: str, longest: int = _LONGEST) -> str:
    """Fold what a stranger wrote into one printable line."""
    folded = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return folded if len(folded) <= longest else folded[: longest - 1] + "…"
