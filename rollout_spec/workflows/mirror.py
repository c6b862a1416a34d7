"""The mirror of a workspace's remote: created from a clone, or updated."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from rollout_spec.core.errors import UserError
from rollout_spec.integrations.git.command import Plumbing
from rollout_spec.integrations.git.mirror import MirrorSource, create_or_update, followed_branch, update, workspaces
from rollout_spec.integrations.git.remote import Remote
from rollout_spec.integrations.git.repository import Git
from rollout_spec.spec.kinds import WORKSPACE_FILE
from rollout_spec.workflows.base_branch import authorize
from rollout_spec.workflows.locate import WorkspaceLocation
from rollout_spec.workflows.newest import bare_root, fetch_base


@dataclass(frozen=True)
class UpdatedMirror:
    """A mirror that is up to date.

    ``new_workspaces`` are the folders of its workspaces if it was created now.
    """

    folder: Path
    branch: str
    commit: str
    new_workspaces: tuple[str, ...] = ()


def mirror(here: WorkspaceLocation, folder: str | None, tell: Callable[[str], None]) -> UpdatedMirror:
    """Create or update the mirror in a folder, or update the mirror that ``here`` is in."""
    if here.git_root is None:
        raise UserError("a mirror needs git, but this workspace is not in a git repository", hint="run `git init`")
    is_mirror = bare_root(here.git_root) is not None
    if is_mirror != (folder is None):
        raise UserError("name the mirror: `mirror DIR` in a clone, or `--repo DIR mirror` in a mirror")
    base, workspace = fetch_base(here, here.git_root)
    if base.remote is None:
        raise UserError("no git remote here for a mirror to follow", hint="run `git remote add origin URL`")
    source = MirrorSource(base.remote.name, base.remote.address, base.branch, WORKSPACE_FILE)
    forge = workspace.spec.forge

    def authorize_remote(plumbing: Plumbing) -> None:
        if forge is not None:
            authorize(plumbing, Remote(plumbing, source.remote), forge)

    if folder is None:
        source = replace(source, branch=_branch_of(here.git_root, base.branch))
        done = update(here.git_root, source, authorize_remote, tell)
        return UpdatedMirror(here.git_root, source.branch, done.commit)
    path = Path(os.path.normpath(here.start / folder))
    is_new = not path.exists()
    done = create_or_update(path, source, authorize_remote, tell)
    return UpdatedMirror(path, source.branch, done.commit, done.workspaces if is_new else ())


def _branch_of(mirror: Path, named: str) -> str:
    """Return the branch that a mirror is to follow: the one that its workspace names.

    It stays the same if the mirror has several workspaces: one must not move the others to a branch of its own.
    """
    plumbing = Plumbing(mirror)
    is_shared = len(workspaces(plumbing, Git(mirror).commit("HEAD"), WORKSPACE_FILE)) > 1
    return followed_branch(plumbing) if is_shared else named
