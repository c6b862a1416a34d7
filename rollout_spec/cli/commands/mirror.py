"""Keep a bare clone of the remote up to date, for the rollbacks of a bot. It has the whole history.

rollout-spec mirror DIR             create it from the remote of this workspace, or update it
rollout-spec --repo DIR mirror      update it without a workspace here
rollout-spec --repo DIR rollback …  use it; DIR/environments/prod if it has several workspaces
"""

from __future__ import annotations

import argparse
import sys

from rollout_spec.cli import terminal
from rollout_spec.cli import workspace as place


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("folder", nargs="?", metavar="DIR", help="a new directory, or an existing mirror")


def run(arguments: argparse.Namespace) -> int:
    """Create or update the mirror."""
    from rollout_spec.workflows.mirror import mirror

    done = mirror(place.find_anywhere(arguments), arguments.folder, _tell)
    for workspace in done.new_workspaces:
        terminal.say(f"roll back from it with `rollout-spec --repo {done.folder / workspace} rollback …`")
    print(f"{done.folder}: {done.branch} is at {done.commit}")
    return 0


def _tell(step: str) -> None:
    if terminal.is_watched(sys.stderr):
        terminal.say(f"{step} …")
