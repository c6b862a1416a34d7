"""Markers in commit messages for which forges start no checks."""

from __future__ import annotations

import re

_SKIPS_CHECKS = re.compile(
    r"\[(skip.(ci|actions|azp)|(ci|actions|azp).skip|no.ci)\]|^skip-checks:|\*{3}no_ci\*{3}",
    re.IGNORECASE | re.MULTILINE,
)
"""Markers in a commit message for which forges start no checks. A rollback that waits for checks would never merge."""


def starts_no_checks(message: str) -> bool:
    """Return whether forges start no checks for a commit with this message."""
    return _SKIPS_CHECKS.search(message) is not None


def with_checks(message: str) -> str:
    """Return a commit message without markers that skip checks: it may quote text from outside."""
    return _SKIPS_CHECKS.sub(lambda match: match[0].translate(str.maketrans("[]:*", "(); ")), message)
