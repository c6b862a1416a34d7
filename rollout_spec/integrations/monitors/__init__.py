"""Payloads of monitors, parsed into breaches, and the evidence that a request comes from a monitor.

Imports ``core``. To add a monitor: one module here with ``parse``, one line below. Start with ``alertmanager``;
``payload`` has the result of a parser, ``authentication`` verifies a request before it is parsed.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Protocol, cast

from rollout_spec.core.errors import UserError
from rollout_spec.core.text import did_you_mean, excerpt
from rollout_spec.integrations.monitors.json_body import lower_names, media_type
from rollout_spec.integrations.monitors.payload import MonitorOptions, Payload, ResolvedAlert, SkippedAlert

__all__ = ["MONITORS", "MonitorOptions", "Payload", "ResolvedAlert", "SkippedAlert", "parse"]


class Monitor(Protocol):
    """A module of this package."""

    def parse(self, content: bytes, headers: Mapping[str, str], options: MonitorOptions, /) -> Payload:
        """Return the breaches and skipped alerts of a payload. UserError if it is not one of this monitor."""


MONITORS = {
    "alertmanager": "alertmanager",
    "grafana": "grafana",
    "cloudevents": "cloudevents",
    "argo-rollouts": "argo_rollouts",
    "flagger": "flagger",
    "json": "mapped",
}
"""The modules of monitors, by the type of a monitor. Each is imported at its first use."""
_DEFAULT = "alertmanager"


def parse(
    content: bytes,
    monitor: str = _DEFAULT,
    headers: Mapping[str, str] | None = None,
    options: MonitorOptions | None = None,
) -> Payload:
    """Return the breaches and skipped alerts of a monitor's payload. UserError if it is invalid.

    The names of headers may be in any case. A payload from a file has no headers.
    """
    if monitor not in MONITORS:
        raise UserError(f"unknown type of monitor: {excerpt(monitor)}", hint=did_you_mean(monitor, MONITORS))
    module = cast(Monitor, import_module(f"{__name__}.{MONITORS[monitor]}"))
    names = lower_names(headers or {})
    media_type(names)
    return module.parse(content, names, options or MonitorOptions())
