"""Keep a bare clone of the remote up to date, for the rollbacks of a bot. It has the whole history.

rollout-spec mirror DIR             create it from the remote of this workspace, or update it
rollout-spec --repo DIR mirror      update it without a workspace here
rollout-spec --repo DIR rollback …  use it; DIR/environments/prod if it has several workspaces
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from rollout_spec.cli import terminal
from rollout_spec.cli import workspace as place
from rollout_spec.core.errors import UserError
from rollout_spec.spec.kinds import WORKSPACE_FILE
from rollout_spec.workflows import newest

if TYPE_CHECKING:
    from rollout_spec.integrations.git.command import Plumbing
    from rollout_spec.spec.workspace import ForgeSettings


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("folder", nargs="?", metavar="DIR", help="a new directory, or an existing mirror")


def run(arguments: argparse.Namespace) -> int:
    """Create or update the mirror."""
    from rollout_spec.integrations.git.mirror import MirrorSource, create_or_update, update
    from rollout_spec.integrations.git.remote import Remote
    from rollout_spec.workflows.base_branch import authorize

    here = place.find_anywhere(arguments)
    if here.git_root is None:
        raise UserError("a mirror needs git, but this workspace is not in a git repository", hint="run `git init`")
    is_mirror = newest.bare_root(here.git_root) is not None
    if is_mirror != (arguments.folder is None):
        raise UserError("name the mirror: `mirror DIR` in a clone, or `--repo DIR mirror` in a mirror")
    base, workspace = newest.fetch_base(here, here.git_root)
    if base.remote is None:
        raise UserError("no git remote here for a mirror to follow", hint="run `git remote add origin URL`")
    source = MirrorSource(base.remote.name, base.remote.address, base.branch, WORKSPACE_FILE)
    forge: ForgeSettings | None = workspace.spec.forge

    def authorize_remote(plumbing: Plumbing) -> None:
        if forge is not None:
            authorize(plumbing, Remote(plumbing, source.remote), forge)

    if is_mirror:
        folder = here.git_root
        done = update(folder, source, authorize_remote, _tell)
    else:
        folder = Path(os.path.normpath(here.start / arguments.folder))
        is_new = not folder.exists()
        done = create_or_update(folder, source, authorize_remote, _tell)
        for each in done.workspaces if is_new else ():
            terminal.say(f"roll back from it with `rollout-spec --repo {folder / each} rollback …`")
    print(f"{folder}: {source.branch} is at {done.commit}")
    return 0


def _tell(step: str) -> None:
    if terminal.is_watched(sys.stderr):
        terminal.say(f"{step} …")
