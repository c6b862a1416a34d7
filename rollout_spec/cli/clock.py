"""The present time. Each command imports the function by name, so that tests can replace it."""

from __future__ import annotations

from datetime import UTC, datetime


def clock() -> datetime:
    """Return the present time in UTC."""
    return datetime.now(UTC)
