"""The branch that is live is fetched first, and says itself where it is: what is checked out may be old."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rollout_spec.cli import place
from rollout_spec.errors import UserError
from rollout_spec.repository import Repository
from rollout_spec.tree import WorkingTree

if TYPE_CHECKING:
    from rollout_spec.landing import Base
    from rollout_spec.spec.workspace import Workspace


def newest(here: place.Place, git_root: Path) -> tuple[Base, Workspace]:
    """Return the newest commit of the branch that is live, and the workspace as it is there."""
    from rollout_spec.git import Git
    from rollout_spec.landing import find_base

    git = Git(git_root)
    checked_out = Repository(WorkingTree(here.workspace)).settings
    forge = checked_out.forge if checked_out else None
    base = find_base(git, forge, here.prefix)
    workspace = _workspace(base)
    if workspace.spec.forge is not None and workspace.spec.forge != forge:
        base = find_base(git, workspace.spec.forge, here.prefix)
        workspace = _workspace(base)
    return base, workspace


def _workspace(base: Base) -> Workspace:
    place.check_version(base.repository)
    file = base.repository.workspace
    if file is None or file.model is None:
        raise UserError(f"on {base.branch} ({base.commit[:12]}) the workspace's file is missing or does not load")
    return file.model
