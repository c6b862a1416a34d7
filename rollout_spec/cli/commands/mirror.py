"""Keep a bare clone of the remote warm, for a bot to roll back from: it has the whole history, and waits for nothing.

rollout-spec mirror DIR             make it from the remote of the workspace here, or bring it up to date
rollout-spec --repo DIR mirror      bring it up to date, where there is nothing but the mirror
rollout-spec --repo DIR rollback …  work from it; DIR/environments/prod where it holds several workspaces
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
    parser.add_argument(
        "folder", nargs="?", metavar="DIR", help="a folder that is not there yet, or the mirror that is"
    )


def run(arguments: argparse.Namespace) -> int:
    """Make the mirror, or bring it up to date."""
    from rollout_spec.integrations.git.mirror import MirrorSource, create_or_update, update
    from rollout_spec.integrations.git.remote import Remote
    from rollout_spec.workflows.base_branch import authorize

    here = place.find_anywhere(arguments)
    if here.git_root is None:
        raise UserError("a mirror is one of a git remote, and this workspace is in no git repository", hint="git init")
    is_mirror = newest.bare_root(here.git_root) is not None
    if is_mirror != (arguments.folder is None):
        raise UserError("say which folder: `mirror DIR` in a clone, or `--repo DIR mirror` in a mirror")
    base, workspace = newest.fetch_base(here, here.git_root)
    if base.remote is None:
        raise UserError("there is no git remote here that a mirror could follow", hint="git remote add origin URL")
    source = MirrorSource(base.remote.name, base.remote.address, base.branch, WORKSPACE_FILE)
    forge: ForgeSettings | None = workspace.spec.forge

    def show(plumbing: Plumbing) -> None:
        if forge is not None:
            authorize(plumbing, Remote(plumbing, source.remote), forge)

    if is_mirror:
        folder = here.git_root
        done = update(folder, source, show, _tell)
    else:
        folder = Path(os.path.normpath(here.start / arguments.folder))
        is_new = not folder.exists()
        done = create_or_update(folder, source, show, _tell)
        for each in done.workspaces if is_new else ():
            terminal.say(f"roll back from it with `rollout-spec --repo {folder / each} rollback …`")
    print(f"{folder}: {source.branch} is at {done.commit}")
    return 0


def _tell(what: str) -> None:
    if terminal.is_watched(sys.stderr):
        terminal.say(f"{what} …")
