"""Show each past step of a rollout with its time, author, reason and duration.

Rollbacks are among them. They are read from the first-parent history of the rollout's file on the live branch, however
they were merged.
"""

from __future__ import annotations

import argparse
import sys

from rollout_spec.checks.reporters.base import json_text
from rollout_spec.cli import terminal
from rollout_spec.cli import workspace as place
from rollout_spec.cli.clock import clock, time_of
from rollout_spec.core.errors import UserError
from rollout_spec.core.units import format_time
from rollout_spec.domain.rollout_history import PastState, state_at
from rollout_spec.reports.history_json import history_json
from rollout_spec.reports.history_text import history_text, past_text
from rollout_spec.workflows.history import history_of


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("rollout", metavar="ROLLOUT", help="the name of the rollout")
    chosen = parser.add_mutually_exclusive_group()
    chosen.add_argument("--at", metavar="TIME", help="show what was live at a time: 2026-11-20T10:15:00Z")
    chosen.add_argument("--limit", metavar="N", type=_count, help="show the newest N changes of the file")
    parser.add_argument("--offline", action="store_true", help="do not ask the remote")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="the format (default: text)")


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text[:9]) == int(text[:10])):
        raise argparse.ArgumentTypeError(f"`{text[:20]}` is not a number from 1 on")
    return int(text)


def run(arguments: argparse.Namespace) -> int:
    """Print the history, or the state at a time."""
    now = clock().replace(microsecond=0)
    moment = time_of("--at", arguments.at) if arguments.at is not None else None
    if moment is not None and moment > now:
        raise UserError(f"--at: {format_time(moment)} is in the future", hint="choose a time that has passed")
    here = place.find_anywhere(arguments)
    history, present = history_of(arguments.rollout, here, is_offline=arguments.offline, limit=arguments.limit)
    state: PastState | None = state_at(history, moment, now) if moment is not None else None
    if arguments.format == "json":
        sys.stdout.write(json_text(history_json(history, present.not_asked, state)))
    else:
        color = terminal.colors(sys.stdout)
        text = history_text(history, now, color=color)
        if state is not None:
            text = past_text(state, history.rollout, now, color=color)
        sys.stdout.write(terminal.without_commands(text))
    if present.not_asked is not None:
        terminal.say(f"this is {history.branch} as it is known here; the remote was not asked: {present.not_asked}")
    return 0
