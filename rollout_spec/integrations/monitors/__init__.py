"""Payloads of monitors, parsed into breaches.

Imports ``core``. To add a monitor: one module here with ``parse``, one line below. Start with ``alertmanager``, the
only monitor today; ``payload`` has the result of a parser.
"""

from __future__ import annotations

from typing import Protocol

from rollout_spec.integrations.monitors import alertmanager
from rollout_spec.integrations.monitors.payload import Payload, SkippedAlert

__all__ = ["MONITORS", "Monitor", "Payload", "SkippedAlert", "parse"]


class Monitor(Protocol):
    """A module of this package."""

    def parse(self, content: bytes, /) -> Payload:
        """Return the breaches and skipped alerts of a payload. UserError if it is not one of this monitor."""


MONITORS: dict[str, Monitor] = {"alertmanager": alertmanager}
_DEFAULT = "alertmanager"


def parse(content: bytes, monitor: str = _DEFAULT) -> Payload:
    """Return the breaches and skipped alerts of a monitor's payload. UserError if it is invalid."""
    return MONITORS[monitor].parse(content)
