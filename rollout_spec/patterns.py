"""Patterns that a target's author writes, and texts that they are tried on.

Whoever may open a pull request may write a target of the workspace: its patterns are tried in a confined process, where
one that takes too long is stopped.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from functools import lru_cache

from rollout_spec import confined

LONGEST = 500
"""The characters of a pattern."""
_TASK = f"{__name__}:tried"

_compiled = lru_cache(maxsize=256)(re.compile)


def flaw(pattern: str) -> str | None:
    """Return why a pattern cannot be used, or None if it can."""
    if len(pattern) > LONGEST:
        return f"a pattern has at most {LONGEST} characters"
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
    """Return the same for a pattern of a workspace, for the file ``about``. Raises ``confined.Stopped``."""
    [answer] = confined.ask(_TASK, (pattern, text), 1, about)
    return answer is True


def tried(request: tuple[str, str]) -> Iterator[bool]:
    """Give whether a text fits, in the confined process."""
    yield fits(*request)
