"""The parsed payload of a monitor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

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


class Payload(NamedTuple):
    """The breaches of a payload, and the alerts that give none."""

    breaches: list[Breach]
    skipped: list[SkippedAlert]
