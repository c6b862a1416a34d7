"""The present time. Each command imports the function by name, so that tests can replace it."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from rollout_spec.core.errors import UserError
from rollout_spec.core.text import excerpt
from rollout_spec.core.units import parse_time

_WITHOUT_ZONE = re.compile(r"[0-9]{4}(-[0-9]{2}){2}[T ][0-9]{2}(:[0-9]{2}){2}(\.[0-9]{1,6})?")


def clock() -> datetime:
    """Return the present time in UTC."""
    return datetime.now(UTC)


def time_of(option: str, text: str) -> datetime:
    """Return the time that an option names. UserError if it is no time."""
    try:
        return parse_time(text)
    except ValueError as error:
        hint = f"add the zone: `{text.replace(' ', 'T')}Z`, if it is in UTC" if _WITHOUT_ZONE.fullmatch(text) else None
        raise UserError(f"{option}: {error}; got `{excerpt(text)}`", hint=hint) from None
