"""The base as a report shows it: fetched, or the newest commit that is known here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rollout_spec.core.errors import UserError
from rollout_spec.workflows.locate import WorkspaceLocation, check_version
from rollout_spec.workflows.newest import fetch_base, local_workspace

if TYPE_CHECKING:
    from pathlib import Path

    from rollout_spec.integrations.git.repository import Git
    from rollout_spec.spec.workspace import ForgeSettings
    from rollout_spec.workflows.base_branch import Base


@dataclass(frozen=True)
class PresentBase:
    """The base of a report. ``not_asked`` is None if the remote answered."""

    base: Base
    not_asked: str | None = None


def present_base(here: WorkspaceLocation, root: Path, *, is_offline: bool) -> PresentBase:
    """Return the newest base. UserError if nothing is committed."""
    if is_offline:
        return PresentBase(known_base(here, root), "--offline")
    try:
        base, _ = fetch_base(here, root)
    except UserError as error:
        return PresentBase(known_base(here, root), error.message)
    return PresentBase(base, None if base.remote is not None else "this clone has no remote")


def known_base(here: WorkspaceLocation, root: Path) -> Base:
    """Return the base as fetched last, else the local branch, else HEAD."""
    from rollout_spec.integrations.git.repository import Git
    from rollout_spec.workflows.base_branch import Base

    git = Git(root)
    settings = local_workspace(here, git).settings
    branch, commit = _known_branch(git, settings.forge if settings is not None else None)
    base = Base(git, None, branch, commit, here.prefix)
    check_version(base.repository)
    return base


def _known_branch(git: Git, forge: ForgeSettings | None) -> tuple[str, str]:
    remote, named = forge.remote if forge is not None else "origin", forge.base if forge is not None else None
    tracked = f"refs/remotes/{remote}/{named or 'HEAD'}"
    local = named or "main"
    for name, ref in (
        (f"{remote}/{named or 'HEAD'}", tracked),
        (f"{remote}/{local}", f"refs/remotes/{remote}/{local}"),
        (local, f"refs/heads/{local}"),
        ("HEAD", "HEAD"),
    ):
        try:
            return name, git.commit(ref)
        except UserError:
            continue
    raise UserError("nothing is committed in this repository yet", hint="commit the workspace first")
