"""Texts that match a regular expression, of different lengths and along different alternatives."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import islice, zip_longest

from rollout_spec.domain.contracts.patterns import Either, Part, Repeated, is_plain, is_portable, parsed

_MOST, _LONGEST = 24, 1000
_FIRST = "a0A-_"


def matching(pattern: str, counts: Iterable[int] = ()) -> list[str]:
    """Return texts that match a pattern, simple ones first.

    ``counts`` are the numbers of repetitions to try.
    """
    return _matching(pattern, tuple(sorted(set(counts))))


@lru_cache(maxsize=1024)
def _matching(pattern: str, counts: tuple[int, ...]) -> list[str]:
    if not is_portable(pattern):
        return []
    texts = _samples(parsed(pattern), counts)
    texts += [f"{text}a" for text in texts[:3]]
    return [text for text in texts if is_plain(text) and re.search(pattern, text)]


def _samples(part: Part, counts: tuple[int, ...]) -> list[str]:
    if isinstance(part, Repeated):
        return _repetitions(part, counts)
    if isinstance(part, Either):
        rows = zip_longest(*(_sequence(sequence, counts) for sequence in part.sequences))
        return _kept(text for row in rows for text in row if text is not None)
    ordered = sorted(part)
    return _kept(
        [
            *(letter for letter in _FIRST if letter in part),
            *ordered[:1],
            *ordered[-1:],
            *ordered[len(ordered) // 2 :],
        ]
    )[:5]


def _sequence(parts: Sequence[Part], counts: tuple[int, ...]) -> list[str]:
    """Join the first text of each part, then vary one part at a time."""
    samples = [_samples(part, counts) for part in parts]
    if not all(samples):
        return []
    first = [texts[0] for texts in samples]
    varied = (
        "".join([*first[:at], texts[number], *first[at + 1 :]])
        for number in range(1, _MOST)
        for at, texts in enumerate(samples)
        if number < len(texts)
    )
    return _kept(["".join(first), *islice(varied, 4 * _MOST)])


def _repetitions(part: Repeated, counts: tuple[int, ...]) -> list[str]:
    inner = _samples(part.part, counts)
    most = part.most if part.most is not None else max(_LONGEST, part.least)
    times = dict.fromkeys((part.least, part.least + 1, part.least + 2, *counts, most if most < _LONGEST else 0))
    fitting = [count for count in times if part.least <= count <= most]
    first = [inner[0] * count for count in fitting] if inner else [""] * (part.least == 0)
    others = (text * max(part.least, 1) for text in inner[1:] if most)
    mixed = ["".join(inner[:3])] if part.least <= len(inner[:3]) <= most else []
    return _kept([*first[:2], *mixed, *others, *first[2:]])


def _kept(texts: Iterable[str]) -> list[str]:
    return list(islice(dict.fromkeys(text for text in texts if len(text) <= _LONGEST), _MOST))
