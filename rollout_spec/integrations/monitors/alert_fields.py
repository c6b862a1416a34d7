"""The fields of one alert, read into a breach or a resolved alert. Names are checked, and never trusted."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Context, Decimal
from typing import Any

from rollout_spec.core.breach import About, Breach, Evidence
from rollout_spec.core.units import NAME, is_version, parse_time
from rollout_spec.integrations.monitors.payload import ResolvedAlert, SkippedAlert, SkipReason

_FIRST_YEAR = 1970
_URL = re.compile(r"https?://(?:(?![<>\"'`{}|\\^])[!-~]){1,2000}")
_NUMBER = re.compile(r"[-+]?[0-9]{1,300}(\.[0-9]{1,300})?([eE][-+]?[0-9]{1,3})?")
_ROUNDED = Context(prec=15)
_SHORT_ZONE = re.compile(r"(?<=[0-9])([-+][0-9]{2})([0-9]{2})$")
"""A zone as CloudWatch writes it: ``+0000``."""
_LONGEST_TEXT = 10_000


class SkippedError(ValueError):
    """An alert that gives no breach."""

    def __init__(self, message: str, reason: SkipReason = "foreign", resolved: ResolvedAlert | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.resolved = resolved

    def alert(self, number: int) -> SkippedAlert:
        """Return the skipped alert with its number in the payload."""
        return SkippedAlert(f"alert {number}: {self}", self.reason)


@dataclass(frozen=True)
class Names:
    """The names in an alert. ``about`` is set if it names no version."""

    rollout: str
    version: str | None
    trigger: str | None
    workspace: str | None
    about: About | None = None

    @property
    def subject(self) -> str:
        """The rollout and the version."""
        return f"{self.rollout} {self.version}" if self.version is not None else self.rollout


def read_names(labels: Mapping[str, Any], *, kind: str = "label", about: About | None = None) -> Names:
    """Return the names in the labels of an alert. SkippedError if one is invalid.

    ``about`` is the subject of an alert without version; None if an alert must name one.
    """
    rollout, version = labels.get("rollout"), labels.get("version")
    if not isinstance(rollout, str) or not re.fullmatch(NAME, rollout):
        raise SkippedError(f"its {kind} `rollout` is not the name of a rollout")
    has_version = version is not None and version != ""
    if has_version or about is None:
        if not isinstance(version, str) or not is_version(version):
            raise SkippedError(f"its {kind} `version` is not a version")
        about = None
    trigger, workspace = labels.get("trigger"), labels.get("workspace") or None
    if workspace is not None and not (isinstance(workspace, str) and re.fullmatch(NAME, workspace)):
        raise SkippedError(f"its {kind} `workspace` is not the name of a workspace")
    trigger = trigger if isinstance(trigger, str) and re.fullmatch(NAME, trigger) else None
    return Names(rollout, version if has_version else None, trigger, workspace, about)


def breach_from(
    names: Names,
    *,
    source: str,
    identity: str,
    observed_at: datetime,
    evidence: Evidence,
    ended_at: datetime | None = None,
) -> Breach:
    """Return the breach of an alert. ``identity`` is the same at each delivery of the alert."""
    return Breach(
        id=f"{source}-{identity}",
        source=source,
        rollout=names.rollout,
        version=names.version,
        observed_at=observed_at,
        trigger=names.trigger,
        workspace=names.workspace,
        ended_at=ended_at,
        evidence=evidence,
        about=names.about,
    )


def resolved_from(names: Names, *, source: str, identity: str | None, ended_at: datetime | None) -> ResolvedAlert:
    """Return the alert that ended."""
    return ResolvedAlert(
        id=None if identity is None else f"{source}-{identity}",
        source=source,
        rollout=names.rollout,
        version=names.version,
        trigger=names.trigger,
        workspace=names.workspace,
        ended_at=ended_at,
    )


def digest(value: Any) -> str:
    """Return 16 hex digits that stand for a JSON value."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def read_moment(value: Any, name: str) -> datetime:
    """Return a time: RFC 3339, or seconds or milliseconds since 1970. ValueError if it is none."""
    if isinstance(value, str) and re.fullmatch(r"[0-9]{9,13}", value):
        value = int(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        seconds = value / 1000 if value > 100_000_000_000 else value
        try:
            moment = datetime.fromtimestamp(seconds, UTC)
        except (ValueError, OverflowError, OSError):
            raise ValueError(f"its `{name}` is not a time") from None
    else:
        moment = parse_time(_SHORT_ZONE.sub(r"\1:\2", value) if isinstance(value, str) else "")
    if moment.year < _FIRST_YEAR:  # Go's zero time is in the year 1
        raise ValueError(f"its `{name}` lies in the year {moment.year}")
    return moment


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


def moment_or_now(value: Any, name: str, names: Names, now: datetime | None) -> datetime:
    """Return the time of an alert, or else the present time. SkippedError if neither is known."""
    try:
        if value is not None and value != "":
            return read_moment(value, name)
    except ValueError as error:
        raise SkippedError(f"{names.subject} gets no response: {error}", "unreadable") from None
    if now is None:
        raise SkippedError(f"{names.subject} gets no response: it has no time", "unreadable")
    return now.replace(microsecond=0)
