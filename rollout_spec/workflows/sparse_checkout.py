"""Folders of a workspace that a sparse checkout leaves out.

Their files still decide which versions may be live.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rollout_spec.core.errors import UserError
from rollout_spec.core.findings import Finding, Report, Skipped
from rollout_spec.core.paths import under
from rollout_spec.spec.kinds import FOLDERS, OUTPUTS, WORKSPACE_FILE
from rollout_spec.workflows.locate import WorkspaceLocation
from rollout_spec.workspace.incident_sources import incident_sources
from rollout_spec.workspace.repository import Repository
from rollout_spec.workspace.working_tree import WorkingTree

DECIDING = (*FOLDERS, "templates", "contracts")
"""The folders of a workspace that decide which versions may be live."""
_ELSEWHERE = ("incidents", "rollouts")
"""The folders of other workspaces that also decide it."""


def absent(here: WorkspaceLocation, repository: Repository) -> list[str]:
    """Return the incomplete folders by their paths from the git root, this workspace's first."""
    if here.git_root is None:
        return []
    from rollout_spec.integrations.git.sparse import is_possible, left_out

    if not is_possible(here.git_root):
        return []
    root = here.git_root.resolve()
    own = [under(here.prefix, folder) for folder in (*DECIDING, *OUTPUTS)]
    others = [
        f"{folder_elsewhere.as_posix()}/{folder}" if folder_elsewhere.parts else folder
        for folder_elsewhere in _others(repository, root)
        for folder in _ELSEWHERE
    ]
    return left_out(here.git_root, list(dict.fromkeys((*own, *others))))


def _others(repository: Repository, root: Path) -> list[Path]:
    """Return the workspaces whose incidents or stable versions matter in this one."""
    settings = repository.settings
    upstream = repository.elsewhere(settings.after) if settings is not None and settings.after is not None else None
    trees = [each.tree for each in (*incident_sources(repository), *([upstream] if upstream is not None else []))]
    folders = [Path(tree.location) for tree in trees if isinstance(tree, WorkingTree)]
    return [folder.relative_to(root) for folder in folders if folder.is_relative_to(root)]


def is_manifests(folder: str, here: WorkspaceLocation) -> bool:
    """Return whether a folder is one of rendered files, which decide nothing."""
    return folder in {under(here.prefix, output) for output in OUTPUTS}


def incomplete(here: WorkspaceLocation, folders: Sequence[str]) -> Report:
    """Return the report of an incomplete checkout, in place of a check."""
    file = under(here.prefix, WORKSPACE_FILE)
    findings = (
        Finding(file, 1, 1, "references-exist", f"{folder}/ is not in this checkout: {_WHY}", hint=_hint([folder]))
        for folder in folders
    )
    return Report(tuple(findings), (Skipped("all other rules", "the checkout is incomplete"),))


_WHY = "a sparse checkout leaves out files of it, whose restrictions are unknown"


def check_complete(here: WorkspaceLocation, repository: Repository) -> None:
    """Raise UserError if files that a command reads or writes are not checked out."""
    folders = absent(here, repository)
    if folders:
        names = ", ".join(f"{folder}/" for folder in folders)
        verb = "is" if len(folders) == 1 else "are"
        raise UserError(f"{names} {verb} not in this checkout: {_WHY}", hint=_hint(folders), status=1)


def _hint(folders: Sequence[str]) -> str:
    return f"run `git sparse-checkout add {' '.join(folders)}`, or `git sparse-checkout disable`"
