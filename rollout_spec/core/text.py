"""Text from outside, made fit to be shown."""

from __future__ import annotations

import re

_LONGEST = 500
_UNCHECKED = re.compile(
    r"\[(skip.(ci|actions|azp)|(ci|actions|azp).skip|no.ci)\]|^skip-checks:|\*{3}no_ci\*{3}",
    re.IGNORECASE | re.MULTILINE,
)
"""Words in a commit message by which forges start no checks. A rollback that waits for them would never merge."""


def one_line(text: str, longest: int = _LONGEST) -> str:
    """Fold what a stranger wrote into one printable line."""
    folded = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return folded if len(folded) <= longest else folded[: longest - 1] + "…"


def starts_no_checks(message: str) -> bool:
    """Return whether forges start no checks for a commit with this message."""
    return _UNCHECKED.search(message) is not None


def with_checks(message: str) -> str:
    """Return a commit message without such words: a message may quote what strangers wrote."""
    return _UNCHECKED.sub(lambda found: found[0].translate(str.maketrans("[]:*", "(); ")), message)
