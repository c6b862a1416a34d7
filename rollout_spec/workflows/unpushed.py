"""Commits and records of this clone that the live branch of the remote does not have yet."""

from __future__ import annotations

from rollout_spec.core.errors import UserError
from rollout_spec.workflows.base_branch import Base
from rollout_spec.workflows.locate import WorkspaceLocation
from rollout_spec.workflows.newest import bare_root, local_workspace


def unpushed_commits(here: WorkspaceLocation, base: Base) -> str | None:
    """Return a note about the commits of HEAD that are not on the base, or None if there are none."""
    if base.remote is None or here.git_root is None or bare_root(here.git_root) is not None:
        return None
    try:
        count = len(base.git.commits_between(base.commit, base.git.commit("HEAD")))
    except UserError:  # nothing is committed here
        return None
    commits = "1 commit here is" if count == 1 else f"{count:,} commits here are"
    where = f"{base.remote.name}/{base.branch}"
    return f"{commits} not on {where}; this starts from {where}, without them" if count else None


def require_pushed(rollout: str, version: str | None, here: WorkspaceLocation, base: Base) -> None:
    """Raise UserError if a rollout or a version is only here, and not on the base of the remote."""
    if base.remote is None or (on_base := base.repository).settings is None:
        return
    own, file = local_workspace(here, base.git).rollout(rollout), on_base.rollout(rollout)
    if own is None or own.model is None or (file is not None and file.model is None):
        return
    has_version = version is None or version in own.model.spec.versions
    if not has_version or (file and file.model and (version is None or version in file.model.spec.versions)):
        return
    name = rollout if version is None or file is None else f"{rollout} {version}"
    raise UserError(
        f"{name} is recorded here, but not on {base.remote.name}/{base.branch}",
        hint=f"push first: commit its record, push it, and merge it into {base.branch}",
    )
