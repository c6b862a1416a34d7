"""The values in an alert: times, texts, numbers and links."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import UTC, datetime
from decimal import Context, Decimal
from typing import Any

from rollout_spec.core.text import excerpt
from rollout_spec.core.units import parse_time

_FIRST_YEAR = 1970
_LEAST_SECONDS, _MOST_SECONDS = 10**8, 10**11
"""Seconds since 1970, from 1973 to 5138; greater numbers are milliseconds."""
_URL = re.compile(r"https?://(?:(?![<>\"'`{}|\\^])[!-~]){1,2000}")
_NUMBER = re.compile(r"[-+]?[0-9]{1,300}(\.[0-9]{1,300})?([eE][-+]?[0-9]{1,3})?")
_ROUNDED = Context(prec=15)
_SHORT_ZONE = re.compile(r"(?<=[0-9])([-+][0-9]{2})([0-9]{2})$")
"""A zone as CloudWatch writes it: ``+0000``."""
_LONGEST_TEXT = 10_000


def digest(value: Any) -> str:
    """Return 16 hex digits that stand for a JSON value."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def read_time(value: Any, name: str) -> datetime:
    """Return a time in RFC 3339. ValueError if it is none."""
    if value is None or value == "":
        raise ValueError(f"its `{name}` is missing")
    try:
        moment = parse_time(value if isinstance(value, str) else "")
    except ValueError:
        raise ValueError(f"its `{name}` is not a time in RFC 3339 with a zone: {excerpt(json.dumps(value))}") from None
    if moment.year < _FIRST_YEAR:  # Go's zero time is in the year 1
        raise ValueError(f"its `{name}` lies in the year {moment.year}")
    return moment


def read_moment(value: Any, name: str) -> datetime:
    """Return a time: RFC 3339, or seconds or milliseconds since 1970. ValueError if it is none."""
    if isinstance(value, str) and re.fullmatch(r"[0-9]{9,13}", value):
        value = int(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        seconds = value / 1000 if value > _MOST_SECONDS else value
        if not _LEAST_SECONDS <= seconds <= _MOST_SECONDS:
            raise ValueError(f"its `{name}` is not a time")
        return datetime.fromtimestamp(seconds, UTC)
    return read_time(_SHORT_ZONE.sub(r"\1:\2", value) if isinstance(value, str) else value, name)


def read_end(value: Any, began: datetime | None = None) -> datetime | None:
    """Return when an alert ended, None if unknown. A stored payload may be posted later."""
    try:
        moment = read_moment(value, "end")
    except ValueError:
        return None
    return moment if began is None or moment > began else None


def read_text(value: Any) -> str:
    """Return a text, empty if it is none. Its characters are folded where it is printed or written."""
    return value[:_LONGEST_TEXT] if isinstance(value, str) else ""


def read_value(value: Any) -> Decimal | None:
    """Return the value of a breach, None if absent or not a readable number."""
    text = repr(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not _NUMBER.fullmatch(text):
        return None
    number = _ROUNDED.create_decimal(text)
    return number if -20 < number.adjusted() < 20 else None


def read_url(value: Any) -> str | None:
    """Return a link, None if it is none that a browser and Markdown take as one."""
    return value if isinstance(value, str) and _URL.fullmatch(value) else None
