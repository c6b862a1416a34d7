"""The files that a check with a base examines: those that the changes since the base may affect."""

from __future__ import annotations

from pathlib import Path

from rollout_spec.checks.affected import select
from rollout_spec.checks.selection import EVERYTHING, Selection
from rollout_spec.core.errors import UserError
from rollout_spec.workflows.locate import WorkspaceLocation
from rollout_spec.workspace.commit_tree import CommitTree
from rollout_spec.workspace.repository import Repository

Changes = dict[tuple[Path, str], frozenset[str] | None]
"""The changed paths of git repositories since a commit, None if unknown. One command reads them once."""


def selection_since(base: Repository, repository: Repository, here: WorkspaceLocation, known: Changes) -> Selection:
    """Return the files of a checkout to examine: all of them if git cannot tell the changes."""
    if here.git_root is None or not isinstance(base.tree, CommitTree):
        return EVERYTHING
    key = here.git_root, base.tree.commit
    if key not in known:
        known[key] = _changes(*key)
    return select(repository, base, known[key], here.prefix)


def _changes(git_root: Path, commit: str) -> frozenset[str] | None:
    from rollout_spec.integrations.git.working_changes import changes_since

    try:
        return changes_since(git_root, commit)
    except UserError:
        return None
