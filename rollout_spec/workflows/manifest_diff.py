"""A rollback's manifests, compared with those of the last commit that had the same ``live``."""

from __future__ import annotations

from rollout_spec.core.diff import patch
from rollout_spec.render.outputs import output_files
from rollout_spec.rollback import Rollback
from rollout_spec.rollback.pull_request_sections import ManifestComparison
from rollout_spec.workflows.base_branch import Base
from rollout_spec.workspace.commit_tree import CommitTree
from rollout_spec.workspace.repository import Repository


def compare_manifests(rollback: Rollback, repository: Repository, base: Base) -> ManifestComparison | None:
    """Compare a rollback's manifests with the last commit that had the same ``live``; None if unknown."""
    after = rollback.apply(repository)
    file = after.rollout(rollback.rollout)
    live = file.model.spec.live if file and file.model else None
    before = next((step.parent for step in rollback.undone.steps if step.before == live), None)
    if before is None:
        return None
    old = dict(output_files(rollback.rollout, Repository(CommitTree(base.git, before, base.prefix))))
    new = dict(output_files(rollback.rollout, after))
    paths = sorted({*old, *new})
    return ManifestComparison(before, "".join(patch(path, old.get(path), new.get(path)) for path in paths))
