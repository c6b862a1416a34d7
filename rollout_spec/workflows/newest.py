"""The branch that is live is fetched first, and says itself where it is: what is checked out may be old."""

from __future__ import annotations

import os
import posixpath
from pathlib import Path
from typing import TYPE_CHECKING

from rollout_spec.core.errors import UserError
from rollout_spec.core.links import HINT
from rollout_spec.spec.kinds import WORKSPACE_FILE
from rollout_spec.workflows.locate import WorkspaceLocation, check_version, find_from
from rollout_spec.workspace.repository import Repository
from rollout_spec.workspace.tree import CommitTree, WorkingTree

if TYPE_CHECKING:
    from rollout_spec.integrations.git.repository import Git
    from rollout_spec.spec.workspace import Workspace
    from rollout_spec.workflows.base_branch import Base


def find_anywhere(start: Path) -> WorkspaceLocation:
    """Find the workspace around a folder of a clone or of a bare repository, as in ``models.git/environments/prod``."""
    root = bare_root(start)
    if root is None:
        return find_from(start)
    from rollout_spec.integrations.git.command import Plumbing
    from rollout_spec.integrations.git.mirror import nearest, workspaces
    from rollout_spec.integrations.git.repository import Git

    plumbing, commit, inner = Plumbing(root), Git(root).commit("HEAD"), start.relative_to(root).as_posix()
    prefix = nearest(plumbing, commit, inner, WORKSPACE_FILE)
    if prefix is None:
        found = workspaces(plumbing, commit, WORKSPACE_FILE) if start == root else ()
        if len(found) > 1:
            raise UserError(
                f"{root} holds several workspaces: {', '.join(found)}", hint=f"name one: --repo {root}/{found[0]}"
            )
        if not found:
            raise UserError(
                f"there is no {WORKSPACE_FILE} in {root if start == root else inner}, as the HEAD of {root} has it"
            )
        prefix = found[0]
    return WorkspaceLocation(start, root / prefix, root, prefix)


def bare_root(start: Path) -> Path | None:
    """Return the bare repository that a folder is in, or would be in; None if a workspace or clone is nearer."""
    for folder in (start, *start.parents):
        if os.path.lexists(folder / WORKSPACE_FILE) or (folder / ".git").exists():
            return None
        if (folder / "HEAD").is_file():
            from rollout_spec.integrations.git.mirror import is_bare

            return folder if is_bare(folder) else None
    return None


def local_workspace(here: WorkspaceLocation, git: Git | None = None) -> Repository:
    """Return the workspace as it lies here: on disk, or as the HEAD of a bare repository has it."""
    if here.git_root is None or bare_root(here.git_root) is None:
        return Repository(WorkingTree(here.workspace, here.git_root))
    from rollout_spec.integrations.git.repository import Git

    git = git or Git(here.git_root)
    return Repository(CommitTree(git, git.commit("HEAD"), here.prefix))


def fetch_base(here: WorkspaceLocation, git_root: Path) -> tuple[Base, Workspace]:
    """Return the newest commit of the branch that is live, and the workspace as it is there."""
    from rollout_spec.integrations.git.repository import Git
    from rollout_spec.workflows.base_branch import find_base

    git = Git(git_root)
    settings = local_workspace(here, git).settings
    forge = settings.forge if settings else None
    base = find_base(git, forge, here.prefix)
    workspace = _workspace(base)
    if workspace.spec.forge is not None and workspace.spec.forge != forge:
        base = find_base(git, workspace.spec.forge, here.prefix)
        workspace = _workspace(base)
    return base, workspace


def _workspace(base: Base) -> Workspace:
    check_version(base.repository)
    file, link = base.repository.workspace, base.repository.link(WORKSPACE_FILE)
    if link is not None:
        path = posixpath.normpath(base.path(link))
        raise UserError(f"on {base.branch} ({base.commit[:12]}) {path} is a link, and is not followed", hint=HINT)
    if file is None or file.model is None:
        raise UserError(f"on {base.branch} ({base.commit[:12]}) the workspace's file is missing or does not load")
    return file.model
