"""Options of lifecycle commands."""

from __future__ import annotations

import argparse

from rollout_spec.cli import terminal
from rollout_spec.cli import workspace as place
from rollout_spec.cli.clock import clock
from rollout_spec.cli.step_output import finish_in_checkout, finish_pull_request
from rollout_spec.cli.workspace import find_anywhere
from rollout_spec.core.errors import UserError
from rollout_spec.lifecycle import Request
from rollout_spec.workflows.step_in_checkout import StepOptions, git_root


def configure(parser: argparse.ArgumentParser, *, waits: bool = False) -> None:
    """Declare the arguments of all steps. ``waits``: the step leaves a stage with a hold."""
    parser.add_argument("rollout", metavar="ROLLOUT", help="the name of the rollout")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--commit", action="store_true", help="commit the change to the current branch")
    where.add_argument("--pull-request", action="store_true", help="open a pull request on the live branch")
    parser.add_argument("--dry-run", action="store_true", help="print the changes without writing them")
    parser.set_defaults(force=False, reason=None, gated=False)
    if waits:
        how = parser.add_mutually_exclusive_group()
        how.add_argument("--gated", action="store_true", help="only if the gate says ok; a breach opens the rollback")
        how.add_argument("--force", action="store_true", help="do not wait for the hold of the stage")
        parser.add_argument("--reason", metavar="TEXT", help="the reason for --force, for the commit")


def run(arguments: argparse.Namespace, request: Request) -> int:
    """Take the step; return 1 if it would introduce errors."""
    forced = _forced(arguments)
    now = clock().replace(microsecond=0)
    if arguments.gated:
        from rollout_spec.cli.gated_steps import run_gated

        return run_gated(arguments, request, now)
    if arguments.pull_request:
        here, options = find_anywhere(arguments), StepOptions(now, forced, is_dry_run=arguments.dry_run)
        from rollout_spec.workflows.step_in_pull_request import prepare_pull_request

        root = git_root(here, "--pull-request")
        return finish_pull_request(prepare_pull_request(request, here, root, options, terminal.say))
    options = StepOptions(now, forced, is_commit=arguments.commit, is_dry_run=arguments.dry_run)
    return finish_in_checkout(request, place.find(arguments), options)


def _forced(arguments: argparse.Namespace) -> str | None:
    reason = (arguments.reason or "").strip()
    if arguments.force and not reason:
        raise UserError("--force needs a reason: --reason TEXT")
    if reason and not arguments.force:
        raise UserError("--reason needs --force")
    return reason or None
