"""Similarity of two texts."""

from __future__ import annotations

import re
from collections import Counter

LONGEST = 10_000
"""The most characters of a text that are compared one by one."""

_WORD = re.compile(r"\w+")


def exact(logged: str, replayed: str) -> bool:
    """Return whether two texts are equal."""
    return logged == replayed


def edit_ratio(logged: str, replayed: str) -> float:
    """Return the share of characters that stay if one text is edited into the other; 1 if both are empty.

    It is twice the longest common subsequence over the sum of the lengths, of the first `LONGEST` characters.
    Source: Hyyrö, "Bit-parallel LCS-length computation revisited" (2004).
    """
    if logged == replayed:
        return 1.0
    first, second = logged[:LONGEST], replayed[:LONGEST]
    total = len(first) + len(second)
    return 2 * _common_length(first, second) / total if total else 1.0


def token_f1(logged: str, replayed: str) -> float:
    """Return the harmonic mean of precision and recall of the words; 1 if neither text has any.

    Case and order do not matter. A word counts as often as it occurs in both.
    Source: Rajpurkar et al., "SQuAD: 100,000+ questions for machine comprehension of text", EMNLP 2016, section 6.1.
    """
    first, second = (Counter(_WORD.findall(text.lower())) for text in (logged, replayed))
    total = first.total() + second.total()
    return 2 * (first & second).total() / total if total else 1.0


def length_ratio(logged: str, replayed: str) -> float | None:
    """Return the characters of the replayed text for each of the logged one, None if that is empty."""
    return len(replayed) / len(logged) if logged else None


def _common_length(first: str, second: str) -> int:
    """Return the length of the longest common subsequence.

    Each bit of ``row`` stands for a letter of ``first``.
    """
    places: dict[str, int] = {}
    for place, letter in enumerate(first):
        places[letter] = places.get(letter, 0) | 1 << place
    every = (1 << len(first)) - 1
    row = every
    for letter in second:
        matches = row & places.get(letter, 0)
        row = (row + matches | row - matches) & every
    return len(first) - row.bit_count()
