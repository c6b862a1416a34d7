"""The names in one alert, and the breach or resolved alert with them.

Names are checked, and never trusted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rollout_spec.core.breach import About, Breach, Evidence
from rollout_spec.core.units import NAME, is_version
from rollout_spec.integrations.monitors.alert_values import digest, read_moment
from rollout_spec.integrations.monitors.payload import Payload, ResolvedAlert, SkippedAlert, SkipReason

_REPEATS = 600
"""Seconds in which a second message about one candidate is a repeated one."""


class SkippedError(ValueError):
    """An alert that gives no breach."""

    def __init__(self, message: str, reason: SkipReason = "foreign", resolved: ResolvedAlert | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.resolved = resolved


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


def read_each(alerts: Iterable[Any], breach_of: Callable[[Any], Breach]) -> Payload:
    """Return the breaches of some alerts. An alert that gives none does not hide the others."""
    result = Payload()
    for number, alert in enumerate(alerts, 1):
        try:
            result.breaches.append(breach_of(alert))
        except SkippedError as error:
            result.skipped.append(SkippedAlert(f"alert {number}: {error}", error.reason))
            result.resolved.extend([error.resolved] if error.resolved else [])
    return result


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


def breach_of_candidate(
    names: Names, keys: list[Any], *, source: str, observed_at: datetime, evidence: Evidence
) -> Breach:
    """Return the breach of a candidate that another controller rolled back.

    ``keys`` are the same in each message about it. If it fails again later, that is another breach.
    """
    identity = f"{digest(keys)}-{int(observed_at.timestamp()) // _REPEATS}"
    return breach_from(names, source=source, identity=identity, observed_at=observed_at, evidence=evidence)


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
