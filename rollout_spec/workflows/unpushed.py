"""Commits, rollouts and records of this clone that the live branch of the remote does not have yet."""

from __future__ import annotations

from collections.abc import Sequence

from rollout_spec.core.errors import UserError
from rollout_spec.core.paths import under
from rollout_spec.core.text import did_you_mean, excerpt, join_some
from rollout_spec.spec.kinds import FOLDERS, WORKSPACE_FILE
from rollout_spec.workflows.base_branch import Base
from rollout_spec.workflows.locate import WorkspaceLocation
from rollout_spec.workflows.newest import bare_root, local_workspace

_MOST_NAMED = 3


def unpushed_commits(here: WorkspaceLocation, base: Base) -> str | None:
    """Return a note about the commits of HEAD that are not on the base, or None if there are none."""
    if base.remote is None or here.git_root is None or bare_root(here.git_root) is not None:
        return None
    try:
        count = len(base.git.commits_between(base.commit, base.git.commit("HEAD")))
    except UserError:  # nothing is committed here
        return None
    commits = "1 commit here is" if count == 1 else f"{count:,} commits here are"
    where = _name_of(base)
    return f"{commits} not on {where}; this starts from {where}, without them" if count else None


def uncommitted_files(here: WorkspaceLocation, base: Base) -> str | None:
    """Return a note about uncommitted changes of the workspace's tracked files, None without any."""
    if base.remote is None or here.git_root is None or bare_root(here.git_root) is not None:
        return None
    paths = [under(here.prefix, each) for each in (WORKSPACE_FILE, *FOLDERS)]
    output = base.git.plumbing.run(
        "status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=no", "--", *paths
    )
    files = [entry[3:] for entry in output.split("\0") if entry]
    if not files:
        return None
    have = "has" if len(files) == 1 else "have"
    where = _name_of(base)
    return f"{join_some(files, _MOST_NAMED)} {have} uncommitted changes; this starts from {where}, without them"


def unpushed_rollouts(here: WorkspaceLocation, base: Base) -> Sequence[str]:
    """Return the rollouts of the working tree that the base does not have."""
    if here.git_root is None or bare_root(here.git_root) is not None:
        return ()
    on_base = set(base.repository.names("rollouts"))
    return [name for name in local_workspace(here, base.git).names("rollouts") if name not in on_base]


def unknown_rollout(name: str, here: WorkspaceLocation, base: Base) -> UserError:
    """Return the error for a rollout that the base does not have, although the working tree may have it."""
    if name in unpushed_rollouts(here, base):
        return _only_here(name, base)
    known = base.repository.names("rollouts")
    return UserError(f"there is no rollout `{excerpt(name)}` here", hint=did_you_mean(name, known))


def require_pushed(rollout: str, version: str | None, here: WorkspaceLocation, base: Base) -> None:
    """Raise UserError if a rollout or a version is only here, and not on the base of the remote."""
    if base.remote is None or (on_base := base.repository).settings is None:
        return
    own, file = local_workspace(here, base.git).rollout(rollout), on_base.rollout(rollout)
    if own is None or own.model is None:
        return
    if file is None:
        raise _only_here(rollout, base)
    recorded = file.model.spec.versions if file.model is not None else own.model.spec.versions
    if version is not None and version in own.model.spec.versions and version not in recorded:
        raise _only_here(f"{rollout} {version}", base)


def _name_of(base: Base) -> str:
    return f"{base.remote.name}/{base.branch}" if base.remote is not None else base.branch


def _only_here(name: str, base: Base) -> UserError:
    first, then = ("push first: ", ", push it,") if base.remote is not None else ("", "")
    return UserError(
        f"{name} is recorded here, but not on {_name_of(base)}",
        hint=f"{first}commit it{then} and merge it into {base.branch}",
    )
