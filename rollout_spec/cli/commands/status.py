"""Show the traffic, hold and rollback target of rollouts, and all that is open.

The rollouts are those of the live branch. Without a ROLLOUT there is a line for each, with one or more a block.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from datetime import datetime

from rollout_spec.checks.reporters.base import json_text
from rollout_spec.cli import terminal
from rollout_spec.cli import workspace as place
from rollout_spec.cli.clock import clock
from rollout_spec.core.errors import UserError
from rollout_spec.core.text import join_some
from rollout_spec.domain.rollout_status import WorkspaceStatus
from rollout_spec.reports.status_json import status_json
from rollout_spec.reports.status_table import WIDTH, status_table
from rollout_spec.reports.status_text import status_text
from rollout_spec.workflows.status import StatusOptions, status_of

_MOST_NAMES = 5


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("rollouts", nargs="*", metavar="ROLLOUT", help="names of rollouts (default: all, as a table)")
    parser.add_argument("--offline", action="store_true", help="do not ask the remote")
    parser.add_argument("--forge", action="store_true", help="ask the forge which pull requests are open")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="the format (default: text)")


def run(arguments: argparse.Namespace) -> int:
    """Print the status."""
    if arguments.offline and arguments.forge:
        raise UserError("--forge cannot be used with --offline", hint="leave one of them out")
    options = StatusOptions(arguments.offline, arguments.forge)
    status = status_of(arguments.rollouts, place.find_anywhere(arguments), options, terminal.say)
    now = clock().replace(microsecond=0)
    if arguments.format == "json":
        sys.stdout.write(json_text(status_json(status, now)))
    else:
        sys.stdout.write(terminal.without_commands(_text(status, now, is_table=not arguments.rollouts)))
    for line in _notes(status):
        terminal.say(line)
    return 0


def _text(status: WorkspaceStatus, now: datetime, *, is_table: bool) -> str:
    width = max(WIDTH, shutil.get_terminal_size().columns) if terminal.is_watched(sys.stdout) else WIDTH
    if is_table:
        return status_table(status, now, color=terminal.colors(sys.stdout), width=width)
    return "\n".join(status_text(each, now, status.not_asked, width=width) for each in status.rollouts)


def _notes(status: WorkspaceStatus) -> list[str]:
    """Return the commit that is shown, a summary, and what was not asked."""
    rollouts = status.rollouts
    in_flight = sum(each.live is not None and each.live.candidate is not None for each in rollouts)
    incidents = sum(len(each.incidents) for each in rollouts)
    where = f" on {status.branch} at {status.commit[:12]}" if status.commit is not None else ""
    counted = "1 rollout" if len(rollouts) == 1 else f"{len(rollouts):,} rollouts"
    opened = "1 open incident" if incidents == 1 else f"{incidents:,} open incidents"
    lines = [f"{counted}{where}: {in_flight:,} in flight, {opened}"]
    if incidents:
        names = [each.name for rollout in rollouts for each in rollout.incidents]
        action = f"show {names[0]}" if len(names) == 1 else "list"
        lines.append(f"`rollout-spec incident {action}` shows {'it' if len(names) == 1 else 'them'}")
    if status.only_here:
        which = join_some(status.only_here, _MOST_NAMES)
        lines.append(f"not on {status.branch} yet, only in this folder: {which}; commit, push and merge to protect it")
    if status.not_asked is not None:
        lines.append(f"the remote was not asked, so open branches are unknown: {status.not_asked}")
    return lines
