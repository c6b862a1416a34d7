"""Patterns that a target's author writes, and texts that they are tried on.

Whoever may open a pull request may write a target of the workspace: its patterns are compiled and tried in a confined
process, where one that takes too long is stopped. Compiling one of 500 characters can take a second, and a target may
have thousands.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from functools import lru_cache

from rollout_spec.core import bounded_process as confined

LONGEST = 500
"""The characters of a pattern."""
_SHARE = 0.5
"""The part of the time that patterns may take: the templates of a rollback that one is of are still rendered."""
_LATE = "this did not end within half of the time that a workspace's templates, policies and contracts have together"
_TASK = f"{__name__}:tried"


class UnusableError(Exception):
    """A pattern that is no regular expression."""


_compiled = lru_cache(maxsize=256)(re.compile)


def flaw(pattern: str) -> str | None:
    """Return why a pattern cannot be used, or None if it can. It is compiled for that."""
    try:
        with warnings.catch_warnings(action="error"):  # such as `[[a]`, which may mean something else one day
            re.compile(pattern)
    except (re.error, Warning, OverflowError, RecursionError) as error:
        return f"this is no regular expression: {error}"
    return None


def fits(pattern: str, text: str) -> bool:
    """Return whether the whole text has the form that a pattern of ours says."""
    return _compiled(pattern).fullmatch(text) is not None


def fits_confined(pattern: str, text: str, about: str) -> bool:
    """Return the same for a pattern of a workspace, for the file ``about``.

    Raises ``confined.Stopped`` if that takes too long, and ``UnusableError``.
    """
    try:
        [answer] = confined.ask(_TASK, (pattern, text), 1, about, share=_SHARE)
    except confined.Stopped as stopped:
        if stopped.limit != "time":
            raise
        raise confined.Stopped("time", _LATE) from None
    if isinstance(answer, str):
        raise UnusableError(answer)
    return answer is True


def tried(request: tuple[str, str]) -> Iterator[bool | str]:
    """Give whether a text fits, or why that pattern cannot be used, in the confined process."""
    pattern, text = request
    yield flaw(pattern) or fits(pattern, text)
