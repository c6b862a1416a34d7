"""The option ``--breach``: the breaches in a monitor's payload, from a file or stdin."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from rollout_spec.cli import terminal
from rollout_spec.cli.workspace import find_anywhere, start_anywhere
from rollout_spec.core.breach import Breach
from rollout_spec.core.errors import UserError
from rollout_spec.integrations.monitors.payload import Payload
from rollout_spec.workflows.monitors import UnknownMonitorError, parse_file
from rollout_spec.workflows.newest import local_workspace

if TYPE_CHECKING:
    from rollout_spec.spec.service import MonitorSettings


_MONITORS = "give Alertmanager's webhook payload, version 4, or name another monitor with --monitor NAME"
_FIELDS = "correct the field in the payload, or roll back by hand: `rollout-spec rollback ROLLOUT --reason TEXT`"


def read_breaches(arguments: argparse.Namespace, now: datetime) -> tuple[list[Breach], int]:
    """Return the breaches of a payload, each once, and the least status: 1 if some alerts get no response."""
    content = _read(start_anywhere(arguments), arguments.breach)
    try:
        payload = parse_file(content, arguments.monitor, _monitors(arguments), now)
    except UnknownMonitorError:
        raise
    except UserError as error:
        hint = _MONITORS if arguments.monitor is None else error.hint
        name = "stdin" if arguments.breach == "-" else arguments.breach
        raise UserError(f"{name}: {error.message}", hint=hint, status=error.status) from None
    _print_skipped(payload)
    if payload.confirmation is not None:
        raise UserError(
            "the payload reports no breach: it asks to confirm a subscription",
            hint="visit the address in it, or post it to `rollout-spec serve`",
        )
    if not payload.breaches and not all(alert.reason in ("not-firing", "cut-off") for alert in payload.skipped):
        name = arguments.monitor
        hint = f"docs/monitors.md says which fields a payload of {name} needs"
        if name is None:
            is_named = any(alert.reason == "unreadable" for alert in payload.skipped)
            hint = _FIELDS if is_named else "add the labels `rollout` and `version` to the alerts"
        raise UserError("the payload contains no breach that can be answered", hint=hint)
    return list(dict.fromkeys(payload.breaches)), int(any(alert.is_unanswered for alert in payload.skipped))


def _print_skipped(payload: Payload) -> None:
    for alert in payload.skipped:
        terminal.say(f"skipped: {alert.message}")
    if not payload.breaches and not payload.skipped and payload.confirmation is None:
        terminal.say("the payload contains no alert")


def _monitors(arguments: argparse.Namespace) -> Mapping[str, MonitorSettings]:
    """Return the monitors of the workspace if one is asked for by name."""
    if arguments.monitor is None:
        return {}
    settings = local_workspace(find_anywhere(arguments)).settings
    return settings.service.monitors if settings is not None and settings.service is not None else {}


def _read(start: Path, path: str) -> bytes:
    if path == "-":
        return sys.stdin.buffer.read()
    try:
        return (start / path).read_bytes()
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None
