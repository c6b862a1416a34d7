"""Write the manifests of rollouts, which Argo CD or Flux applies. Do not edit them by hand."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from rollout_spec.checks.reporters import REPORTERS, View
from rollout_spec.cli import terminal
from rollout_spec.cli import workspace as place
from rollout_spec.core.diff import patch
from rollout_spec.core.findings import Report
from rollout_spec.workflows.checkout import Checkout, open_checkout, retry_if_changed
from rollout_spec.workflows.locate import WorkspaceLocation
from rollout_spec.workflows.render import render_workspace, write_manifests

if TYPE_CHECKING:
    from rollout_spec.render.drift import ManifestDrift


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("rollouts", nargs="*", metavar="ROLLOUT", help="names of rollouts (default: all)")
    parser.add_argument("--check", action="store_true", help="write nothing, and fail if manifests are out of date")
    parser.add_argument("--diff", action="store_true", help="print the changes")


def run(arguments: argparse.Namespace) -> int:
    """Render, and write the changed manifests."""
    here = place.find(arguments)
    if arguments.check:
        return _render(arguments, here, None)

    def attempt() -> int:
        with open_checkout(here.workspace, here.git_root, terminal.say) as checkout:
            return _render(arguments, here, checkout)

    return retry_if_changed(attempt)


def _render(arguments: argparse.Namespace, here: WorkspaceLocation, checkout: Checkout | None) -> int:
    rendering = render_workspace(arguments.rollouts, here)
    sys.stderr.write(REPORTERS["text"].report(Report(rendering.errors), View()))
    if rendering.errors:
        return 1
    changes = rendering.changes
    if checkout is not None and changes:
        rendering.tree.check_unchanged()
    if arguments.diff:
        sys.stdout.write("".join(patch(each.path, each.committed, each.wanted) for each in changes))
    if checkout is None:
        return _report(changes)
    for change in write_manifests(changes, here, checkout):
        terminal.say(f"{'removed' if change.wanted is None else 'wrote'} {change.path}")
    if not changes:
        terminal.say("the manifests are up to date")
    return 0


def _report(changes: list[ManifestDrift]) -> int:
    for each in changes:
        state = "missing" if each.committed is None else "left over" if each.wanted is None else "out of date"
        terminal.say(f"{each.path} is {state}")
    if changes:
        terminal.say("run `rollout-spec render` and commit the files")
    return 1 if changes else 0
