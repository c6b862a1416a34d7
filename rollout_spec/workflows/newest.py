"""The workspace at the newest commit of the live branch, and the location of bare repositories."""

from __future__ import annotations

import os
import posixpath
from pathlib import Path
from typing import TYPE_CHECKING

from rollout_spec.core.errors import UserError
from rollout_spec.core.links import HINT
from rollout_spec.spec.kinds import WORKSPACE_FILE
from rollout_spec.workflows.locate import WorkspaceLocation, check_version, find_from
from rollout_spec.workspace.commit_tree import CommitTree
from rollout_spec.workspace.repository import Repository
from rollout_spec.workspace.working_tree import WorkingTree

if TYPE_CHECKING:
    from rollout_spec.integrations.git.repository import Git
    from rollout_spec.spec.workspace import Workspace
    from rollout_spec.workflows.base_branch import Base


def find_anywhere(start: Path) -> WorkspaceLocation:
    """Find the workspace around a folder of a clone or of a bare repository.

    An example is ``models.git/environments/prod``.
    """
    root = bare_root(start)
    if root is None:
        return find_from(start)
    from rollout_spec.integrations.git.command import Plumbing
    from rollout_spec.integrations.git.mirror import nearest, workspaces
    from rollout_spec.integrations.git.repository import Git

    plumbing, commit, folder = Plumbing(root), Git(root).commit("HEAD"), start.relative_to(root).as_posix()
    prefix = nearest(plumbing, commit, folder, WORKSPACE_FILE)
    if prefix is None:
        prefixes = workspaces(plumbing, commit, WORKSPACE_FILE) if start == root else ()
        if len(prefixes) > 1:
            raise UserError(
                f"{root} has several workspaces: {', '.join(prefixes)}", hint=f"choose one: --repo {root}/{prefixes[0]}"
            )
        if not prefixes:
            raise UserError(f"no {WORKSPACE_FILE} in {root if start == root else folder} at the HEAD of {root}")
        prefix = prefixes[0]
    return WorkspaceLocation(start, root / prefix, root, prefix)


def bare_root(start: Path) -> Path | None:
    """Return the bare repository around a folder, None if a workspace or clone is nearer."""
    for folder in (start, *start.parents):
        if os.path.lexists(folder / WORKSPACE_FILE) or (folder / ".git").exists():
            return None
        if (folder / "HEAD").is_file():
            from rollout_spec.integrations.git.mirror import is_bare

            return folder if is_bare(folder) else None
    return None


def local_workspace(here: WorkspaceLocation, git: Git | None = None) -> Repository:
    """Return the local workspace: on disk, or at the HEAD of a bare repository."""
    if here.git_root is None or bare_root(here.git_root) is None:
        return Repository(WorkingTree(here.workspace, here.git_root))
    from rollout_spec.integrations.git.repository import Git

    git = git or Git(here.git_root)
    return Repository(CommitTree(git, git.commit("HEAD"), here.prefix))


def fetch_base(here: WorkspaceLocation, git_root: Path) -> tuple[Base, Workspace]:
    """Fetch the newest commit of the live branch, and return it with its workspace.

    The workspace there may name another remote or branch than the local one. Then that one is fetched.
    """
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
        raise UserError(f"on {base.branch} ({base.commit[:12]}) {path} is a link, which is not followed", hint=HINT)
    if file is None or file.model is None:
        raise UserError(f"on {base.branch} ({base.commit[:12]}) {WORKSPACE_FILE} is missing or does not load")
    return file.model
