"""The formats of values: shares, durations, versions, digests and times.

Their spellings are ``5%``, ``1h30m``, ``"1.10"`` and ``sha256:…``; times are as in RFC 3339.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache

SHARE = r"^(0|[1-9][0-9]{0,2})(\.[0-9]{1,12})?%$"
DURATION = r"^(?=[0-9])([0-9]{1,9}d)?([0-9]{1,9}h)?([0-9]{1,9}m(?!s))?([0-9]{1,9}s)?([0-9]{1,9}ms)?$"
VERSION = r"^[A-Za-z0-9._+-]{1,128}$"
DIGEST = r"^sha256:[0-9a-f]{64}$"
NAME = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"
NAME_HINT = "use lower-case letters, digits and `-`, with a letter or digit at both ends"
TIME = (
    r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])[Tt]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?"
    r"([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$"
)

_SHARE, _DURATION, _VERSION, _TIME = (re.compile(p) for p in (SHARE, DURATION, VERSION, TIME))
_UNITS = ("days", "hours", "minutes", "seconds", "milliseconds")
_SUFFIXES = ("d", "h", "m", "s", "ms")
_NUMBER_WITH_WORD = re.compile(r"([0-9]{1,9}) ?([a-z]+)[, ]*")
_UNIT_WORDS = {
    **dict.fromkeys(("day", "days"), "d"),
    **dict.fromkeys(("hr", "hrs", "hour", "hours"), "h"),
    **dict.fromkeys(("min", "mins", "minute", "minutes"), "m"),
    **dict.fromkeys(("sec", "secs", "second", "seconds"), "s"),
    **dict.fromkeys(("msec", "millis", "millisecond", "milliseconds"), "ms"),
}
_HUNDRED = Decimal(100)
_MOST_DIGITS = 10

LONGEST_DURATION = timedelta(seconds=2**63 // 10**9)
"""The longest duration that Prometheus and Kubernetes accept: 64 bits of nanoseconds, 292 years."""


def parse_share(text: str) -> Decimal:
    """Return a share in percent, exactly: ``"0.5%"`` → ``Decimal("0.5")``.

    ValueError names the expected format.
    """
    if not _SHARE.fullmatch(text):
        raise ValueError("a share is written with its sign, from 0% to 100%: `5%`, `0.5%`")
    percent = Decimal(text[:-1])
    if percent > _HUNDRED:
        raise ValueError("a share lies between 0% and 100%")
    return percent


def format_share(percent: Decimal) -> str:
    """Return a share as text: ``Decimal("0.50")`` → ``"0.5%"``."""
    plain = f"{percent:f}"
    return (plain.rstrip("0").rstrip(".") if "." in plain else plain) + "%"


def parse_duration(text: str) -> timedelta:
    """Return a duration: ``"1h30m"`` → 90 minutes. ValueError names the expected format."""
    match = _DURATION.fullmatch(text)
    if not match:
        raise ValueError("a duration has units, the largest first: `30s`, `15m`, `48h`, `7d`, `1h30m`")
    parts = {unit: int(part.rstrip("dhms")) for unit, part in zip(_UNITS, match.groups(), strict=True) if part}
    try:
        return timedelta(**parts)
    except OverflowError:
        raise ValueError("a duration of more than 999,999,999 days is too long") from None


def duration_hint(text: str) -> str | None:
    """Return what to write instead of a text that is not a duration: its units are missing, or are words."""
    if text.isdecimal() and text.isascii() and len(text) < _MOST_DIGITS:
        units = ("s", "m", "h", "ms") if len(text) > 2 else ("s", "m", "h")  # 250 may be a latency
        *others, last = (f"`{text}{unit}`" for unit in units)
        return f"add its unit: {', '.join(others)} or {last}"
    short = _NUMBER_WITH_WORD.sub(lambda part: part[1] + _UNIT_WORDS.get(part[2], part[2]), text.lower())
    return f"write `{short}`" if len(short) < len(text) and _DURATION.fullmatch(short) else None


def digest_hint(text: str) -> str | None:
    """Return what to write instead of a text that is not a digest."""
    algorithm, colon, digits = text.rpartition(":")
    lower = f"sha256:{digits.lower()}"
    if colon and algorithm.lower() != "sha256":
        return None
    if re.fullmatch(DIGEST, lower):
        return f"write it in lower case: `{lower}`" if colon else f"add its prefix: `{lower}`"
    return f"write all 64 hex digits; these are {len(digits)}" if re.fullmatch(r"[0-9a-fA-F]+", digits) else None


def format_duration(value: timedelta) -> str:
    """Return a duration as specs and Prometheus write it: 90 minutes → ``"1h30m"``."""
    rest = value // timedelta(milliseconds=1)
    text = ""
    for size, suffix in zip((86_400_000, 3_600_000, 60_000, 1000, 1), _SUFFIXES, strict=True):
        count, rest = divmod(rest, size)
        text += f"{count}{suffix}" if count else ""
    return text or "0s"


def parse_time(text: str) -> datetime:
    """Return an RFC 3339 time as an aware datetime in UTC. ValueError names the expected format."""
    problem = "a time is RFC 3339 with a zone: `2026-11-20T10:15:00Z`"
    if not _TIME.fullmatch(text):
        raise ValueError(problem)
    try:
        return datetime.fromisoformat(re.sub(r"(\.[0-9]{6})[0-9]+", r"\1", text.upper())).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{problem} ({error})") from None


def format_time(moment: datetime) -> str:
    """Return an aware datetime as text in whole seconds: ``2026-11-20T10:15:00Z``."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def is_version(text: str) -> bool:
    """Return whether a text has the format of a version."""
    return bool(_VERSION.fullmatch(text))


@lru_cache(maxsize=4096)
def label(version: str) -> str:
    """Return a version for names of Kubernetes objects, branches and incidents: ``2026.11`` → ``2026-11``."""
    return re.sub(r"[^a-z0-9]", "-", version.lower())
