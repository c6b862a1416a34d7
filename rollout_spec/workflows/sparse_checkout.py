"""What a sparse checkout lacks: the files that its commit has, and that decide what may be live."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from pathlib import Path

from rollout_spec.core.errors import UserError
from rollout_spec.core.findings import Finding, Report, Skipped
from rollout_spec.spec.kinds import FOLDERS, WORKSPACE_FILE
from rollout_spec.workflows.locate import WorkspaceLocation
from rollout_spec.workspace.repository import Repository
from rollout_spec.workspace.tree import WorkingTree

MANIFESTS = "manifests"
DECIDING = (*FOLDERS, "templates", "contracts")
"""The folders of a workspace that say what may be live."""
_ELSEWHERE = ("incidents", "rollouts")
"""The folders of another workspace that do."""


def absent(here: WorkspaceLocation, repository: Repository) -> list[str]:
    """Return the folders that are not wholly checked out, by their paths from the git root, this workspace's first."""
    if here.git_root is None:
        return []
    from rollout_spec.integrations.git.sparse import is_possible, left_out

    if not is_possible(here.git_root):
        return []
    root = here.git_root.resolve()
    own = [posixpath.normpath(f"{here.prefix}/{folder}").lstrip("/") for folder in (*DECIDING, MANIFESTS)]
    others = [
        f"{place.as_posix()}/{folder}" if place.parts else folder
        for place in _others(repository, root)
        for folder in _ELSEWHERE
    ]
    return left_out(here.git_root, list(dict.fromkeys((*own, *others))))


def _others(repository: Repository, root: Path) -> list[Path]:
    """Return the workspaces whose incidents, or stable versions, matter in this one."""
    settings = repository.settings
    upstream = repository.elsewhere(settings.after) if settings is not None and settings.after is not None else None
    trees = [each.tree for each in (*repository.incident_sources(), *([upstream] if upstream is not None else []))]
    places = [Path(tree.place) for tree in trees if isinstance(tree, WorkingTree)]
    return [place.relative_to(root) for place in places if place.is_relative_to(root)]


def is_manifests(folder: str, here: WorkspaceLocation) -> bool:
    """Return whether a folder is the one of the manifests, which decide nothing."""
    return folder == posixpath.normpath(f"{here.prefix}/{MANIFESTS}").lstrip("/")


def incomplete(here: WorkspaceLocation, folders: Sequence[str]) -> Report:
    """Return what is said instead of a check: nothing can be told of the rest."""
    file = f"{here.prefix}/{WORKSPACE_FILE}" if here.prefix else WORKSPACE_FILE
    findings = (
        Finding(file, 1, 1, "references-exist", f"{folder}/ is not in this checkout: {_WHY}", hint=_hint([folder]))
        for folder in folders
    )
    return Report(tuple(findings), (Skipped("all other rules", "what is not checked out is not known"),))


_WHY = "git left files of it out (sparse checkout), so that what they forbid is not known"


def check_complete(here: WorkspaceLocation, repository: Repository) -> None:
    """UserError if files that a command reads or writes are not checked out."""
    folders = absent(here, repository)
    if folders:
        names = ", ".join(f"{folder}/" for folder in folders)
        verb = "is" if len(folders) == 1 else "are"
        raise UserError(f"{names} {verb} not in this checkout: {_WHY}", hint=_hint(folders), status=1)


def _hint(folders: Sequence[str]) -> str:
    return f"`git sparse-checkout add {' '.join(folders)}`, or `git sparse-checkout disable`"
