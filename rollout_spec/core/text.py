"""Text from outside, made fit to be shown."""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from typing import Any

_LONGEST = 500
_LONGEST_EXCERPT = 60
_MOST_NAMES = 100
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


def excerpt(text: str, longest: int = _LONGEST_EXCERPT) -> str:
    """Show a user's text within a message: short, on one line, and nothing in it that a terminal would act on."""
    shown = text if len(text) <= longest else text[:longest] + "…"
    return "".join(each if each.isprintable() else json.dumps(each)[1:-1] for each in shown)


def nearest(name: str, known: Any) -> str | None:
    """Return the known name that a misspelled one most likely means."""
    from difflib import get_close_matches  # most checks find nothing misspelled

    names = [str(candidate) for candidate in known]
    if len(names) > _MOST_NAMES:  # of so many, those that begin most like it
        names.sort()
        at = bisect_left(names, name)
        names = names[max(0, at - _MOST_NAMES // 2) : at + _MOST_NAMES // 2]
    matches = get_close_matches(name, names, cutoff=0.6)
    swapped = (match for match in matches if sorted(match) == sorted(name))
    return next(swapped, matches[0] if matches else None)


def did_you_mean(name: str, known: Any) -> str | None:
    """Return a hint: the nearest known name, else the few that there are."""
    names = sorted(str(candidate) for candidate in known)
    close = nearest(name, names)
    if close:
        return f"did you mean `{close}`?"
    return f"there is {', '.join(f'`{each}`' for each in names)}" if 0 < len(names) <= 8 else None
