"""The files that a check with a base examines: those that the changes since the base may affect."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from rollout_spec.checks.affected import select
from rollout_spec.checks.selection import EVERYTHING, Selection
from rollout_spec.core.errors import UserError
from rollout_spec.workflows.locate import WorkspaceLocation
from rollout_spec.workspace.commit_tree import CommitTree
from rollout_spec.workspace.repository import Repository


def selection_since(base: Repository | None, repository: Repository, here: WorkspaceLocation) -> Selection:
    """Return the files of a checkout to examine, all of them without a base or if git does not tell the changes."""
    if base is None or here.git_root is None or not isinstance(base.tree, CommitTree):
        return EVERYTHING
    return select(repository, base, _changes(here.git_root, base.tree.commit), here.prefix)


@lru_cache(maxsize=1)  # the workspaces of one git repository have the same changes
def _changes(git_root: Path, commit: str) -> frozenset[str] | None:
    from rollout_spec.integrations.git.working_changes import changes_since

    try:
        return changes_since(git_root, commit)
    except UserError:
        return None
