"""The present time. Each command imports the function by name, so that tests can replace it."""

from __future__ import annotations

from datetime import UTC, datetime

from rollout_spec.core.errors import UserError
from rollout_spec.core.text import excerpt
from rollout_spec.core.units import parse_time


def clock() -> datetime:
    """Return the present time in UTC."""
    return datetime.now(UTC)


def time_of(option: str, text: str) -> datetime:
    """Return the time that an option names. UserError if it is no time."""
    try:
        return parse_time(text)
    except ValueError as error:
        raise UserError(f"{option}: {error}; got `{excerpt(text)}`") from None
