"""The time of a commit, from the seconds that git prints."""

from __future__ import annotations

from datetime import UTC, datetime

_LAST_SECOND = 253_402_300_799
"""The last second of the year 9999."""


def commit_time(seconds: str) -> datetime:
    """Return a commit's time, clamped to valid dates: anybody may write any number, or none."""
    number = seconds.strip()
    is_number = number.isascii() and number.isdigit()
    return datetime.fromtimestamp(min(int(number[:20]), _LAST_SECOND) if is_number else 0, UTC)
