"""Titles, bodies and comments within the limits of forges. A shortened body says so."""

from __future__ import annotations

import re
from collections.abc import Iterable

from rollout_spec.core.pull_request import PullRequest

LONGEST_TITLE = 250
_RANK = {"open": 0, "merged": 1, "closed": 2}
_MARKER = re.compile(r"\s*(<!-- [^\n]* -->)?\s*\Z")


def newest(found: Iterable[PullRequest]) -> PullRequest | None:
    """Return the newest pull request: an open one before a merged one before a closed one."""
    return min(found, key=lambda each: (_RANK.get(each.state, 3), -each.number), default=None)


def title(text: str, before: str = "") -> str:
    """Return a title within the limit of every forge."""
    whole = before + text
    return whole if len(whole) <= LONGEST_TITLE else f"{whole[: LONGEST_TITLE - 1]}…"


def body(text: str, longest: int) -> str:
    """Return a text of at most ``longest`` characters. The hidden marker at its end stays."""
    if len(text) <= longest:
        return text
    marker = _MARKER.search(text)
    assert marker is not None  # the pattern matches at the end of any text
    kept = f"\n\n{marker[1]}\n" if marker[1] else "\n"
    note = f"\n\n*Cut here: the forge allows {longest} characters.*"
    return text[: longest - len(note) - len(kept)] + note + kept


def marked(text: str, key: str) -> str:
    """Return a comment with its hidden marker."""
    return f"{text.rstrip()}\n\n{marker(key)}\n"


def is_marked(text: object, key: str) -> bool:
    """Return whether a comment has the marker of a key as its last line."""
    return str(text).rstrip().rpartition("\n")[2] == marker(key)


def marker(key: str) -> str:
    """Return the hidden marker that identifies a comment."""
    return f"<!-- rollout-spec: {key} -->"


def same(one: str, other: str) -> bool:
    """Return whether two texts are equal except for line ends and outer whitespace, which forges change."""
    return one.replace("\r\n", "\n").strip() == other.replace("\r\n", "\n").strip()


def not_asked_note(name: str, why: str) -> str:
    """Return the note for a reviewer who was not asked."""
    return f"`{name}` was not asked for a review: {why}"
