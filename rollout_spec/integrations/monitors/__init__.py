"""Payloads of monitors, parsed into breaches.

Imports ``core``. To add a monitor: one module here with ``parse``, one line below.
"""

from __future__ import annotations

from typing import Protocol

from rollout_spec.core.breach import Breach
from rollout_spec.integrations.monitors import alertmanager

__all__ = ["MONITORS", "Monitor"]


class Monitor(Protocol):
    """One module of this package."""

    def parse(self, content: bytes, /) -> tuple[list[Breach], list[str]]:
        """Return the breaches in a payload, and what was passed over, with the reason. UserError if it is none."""


MONITORS: dict[str, Monitor] = {"alertmanager": alertmanager}
