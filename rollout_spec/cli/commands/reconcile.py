"""Judge all rollouts in flight once, and move each forward, take it back, or leave it.

A pass may run as often as you like, and on several machines: a step or a rollback that is open already is adopted.
Without a ROLLOUT: all of them. The exit status is 1 if a rollout failed or a breach got no rollback, and 3 if
Prometheus or the forge failed.
"""

from __future__ import annotations

import argparse
import sys

from rollout_spec.checks.reporters.base import json_text
from rollout_spec.cli import terminal
from rollout_spec.cli.clock import clock
from rollout_spec.cli.workspace import find_anywhere
from rollout_spec.reports.reconcile_table import reconcile_json, reconcile_table
from rollout_spec.workflows.reconcile import reconcile


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("rollouts", nargs="*", metavar="ROLLOUT", help="names of rollouts (default: all in flight)")
    parser.add_argument("--dry-run", action="store_true", help="print the decisions; push nothing")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="the format (default: text)")


def run(arguments: argparse.Namespace) -> int:
    """Run one pass and print its table. Return the worst status."""
    now = clock().replace(microsecond=0)
    done = reconcile(find_anywhere(arguments), now, terminal.say, set(arguments.rollouts), is_dry_run=arguments.dry_run)
    rows = [each.row for each in done.results]
    text = json_text(reconcile_json(rows)) if arguments.format == "json" else reconcile_table(rows)
    sys.stdout.write(text if arguments.format == "json" else terminal.harmless(text))
    for each in done.results:
        for note in each.notes:
            terminal.say(f"{each.rollout}: {note}")
    queries = f"{done.queries} {'query' if done.queries == 1 else 'queries'} to Prometheus"
    terminal.say(f"{len(rows)} {'rollout' if len(rows) == 1 else 'rollouts'} in flight, {queries}")
    return done.status
