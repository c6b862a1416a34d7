"""The parsed payload of a monitor, and the settings that a parser may need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from rollout_spec.core.breach import Breach

SkipReason = Literal["not-firing", "cut-off", "unreadable", "foreign"]
"""``cut-off``: the monitor left alerts out. ``unreadable``: it names a version. ``foreign``: it names no version."""


@dataclass(frozen=True)
class SkippedAlert:
    """An alert that gives no breach, with the reason."""

    message: str
    reason: SkipReason

    @property
    def is_unanswered(self) -> bool:
        """Return whether the alert may be a breach that gets no response."""
        return self.reason in ("cut-off", "unreadable")

    def __str__(self) -> str:
        return self.message


@dataclass(frozen=True)
class ResolvedAlert:
    """An alert that ended. ``id`` is that of its breach, or None if the payload does not tell it."""

    id: str | None
    source: str
    rollout: str
    version: str | None
    trigger: str | None = None
    workspace: str | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True)
class Payload:
    """The breaches of a payload, and the alerts that give none.

    ``resolved`` are the alerts that ended; each has a line in ``skipped`` too. ``confirmation`` is an address that must
    be visited to confirm a subscription.
    """

    breaches: list[Breach] = field(default_factory=list)
    skipped: list[SkippedAlert] = field(default_factory=list)
    resolved: list[ResolvedAlert] = field(default_factory=list)
    confirmation: str | None = None


@dataclass(frozen=True)
class MonitorOptions:
    """The settings of a monitor that its parser needs.

    ``mapping`` has JMESPath expressions by field. ``topic`` is an SNS topic. ``now`` is the moment of a breach whose
    payload has no time; without it, such an alert is skipped.
    """

    preset: str | None = None
    mapping: Mapping[str, str] = field(default_factory=dict)
    topic: str | None = None
    now: datetime | None = None
