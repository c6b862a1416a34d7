"""Options of commands that judge a stage."""

from __future__ import annotations

from datetime import datetime

from rollout_spec.core.errors import UserError
from rollout_spec.core.units import parse_time


def time_of(text: str | None) -> datetime | None:
    """Return the time of an option, None if it is absent. UserError if it is no time."""
    if text is None:
        return None
    try:
        return parse_time(text)
    except ValueError as error:
        raise UserError(f"--since: {error}") from None
