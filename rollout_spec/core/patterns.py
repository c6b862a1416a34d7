"""Regular expressions that the author of a target writes, matched in a bounded process.

Everyone who may open a pull request may write a target of the workspace. Compiling a pattern of 500 characters can take
a second, and a target may have thousands. So they are compiled and matched in a process with a time limit.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from functools import lru_cache

from rollout_spec.core import bounded_process as confined

LONGEST = 500
"""The most characters of a pattern."""
_SHARE = 0.5
"""The largest part of the time that patterns may use: templates must still be rendered."""
_LATE = "this did not end within half of the time that a workspace's templates, policies and contracts have together"
_TASK = f"{__name__}:match_task"


class UnusableError(Exception):
    """A pattern that is not a valid regular expression."""


_compiled = lru_cache(maxsize=256)(re.compile)


def invalid_reason(pattern: str) -> str | None:
    """Return why a pattern is not valid, or None if it is. This compiles the pattern."""
    try:
        with warnings.catch_warnings(action="error"):  # such as `[[a]`, which may mean something else one day
            re.compile(pattern)
    except (re.error, Warning, OverflowError, RecursionError) as error:
        return f"this is not a valid regular expression: {error}"
    return None


def matches(pattern: str, text: str) -> bool:
    """Return whether the whole text matches a pattern that this project wrote."""
    return _compiled(pattern).fullmatch(text) is not None


def matches_bounded(pattern: str, text: str, about: str) -> bool:
    """Return whether the whole text matches a pattern of the workspace, for the file ``about``.

    Raises ``confined.StoppedError`` if that takes too long, and ``UnusableError`` if the pattern is not valid.
    """
    try:
        [answer] = confined.ask(_TASK, (pattern, text), 1, about, share=_SHARE)
    except confined.StoppedError as stopped:
        if stopped.limit != "time":
            raise
        raise confined.StoppedError("time", _LATE) from None
    if isinstance(answer, str):
        raise UnusableError(answer)
    return answer is True


def match_task(request: tuple[str, str]) -> Iterator[bool | str]:
    """Yield whether a text matches a pattern, or why the pattern is not valid.

    Runs in the bounded process.
    """
    pattern, text = request
    yield invalid_reason(pattern) or matches(pattern, text)
