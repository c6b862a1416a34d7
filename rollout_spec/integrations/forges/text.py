"""Forges bound what they take: a title, a label, a body that is too long is cut, and says that it is."""

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
    """Return a title that every forge takes."""
    whole = before + text
    return whole if len(whole) <= LONGEST_TITLE else f"{whole[: LONGEST_TITLE - 1]}…"


def body(text: str, longest: int) -> str:
    """Return a text of at most ``longest`` characters; the hidden marker at its end stays, and finds it again."""
    if len(text) <= longest:
        return text
    marker = _MARKER.search(text)
    assert marker is not None  # the pattern matches at the end of any text
    kept = f"\n\n{marker[1]}\n" if marker[1] else "\n"
    note = f"\n\n*Cut here: the forge takes {longest} characters.*"
    return text[: longest - len(note) - len(kept)] + note + kept


def marked(text: str, key: str) -> str:
    """Return a comment with its hidden marker."""
    return f"{text.rstrip()}\n\n{marker(key)}\n"


def is_marked(text: object, key: str) -> bool:
    """Return whether a comment is the one of a key: its marker is the last line, and not somewhere in it."""
    return str(text).rstrip().rpartition("\n")[2] == marker(key)


def marker(key: str) -> str:
    """Return what finds a comment again, and shows nowhere."""
    return f"<!-- rollout-spec: {key} -->"


def same(one: str, other: str) -> bool:
    """Are two texts the same but for line ends, and blanks around? Forges change those."""
    return one.replace("\r\n", "\n").strip() == other.replace("\r\n", "\n").strip()


def nobody(name: str, why: str) -> str:
    """Say that a reviewer was not asked."""
    return f"`{name}` was not asked for a review: {why}"
