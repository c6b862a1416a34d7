"""Other workspaces of the same git repository, by their names."""

from __future__ import annotations

from rollout_spec.spec.kinds import WORKSPACE_FILE
from rollout_spec.workspace.repository import Repository


def namesakes(repository: Repository) -> list[str]:
    """Return the folders, from the git root, of other workspaces with the same name."""
    return others_named(repository.workspace_name, repository)


def others_named(name: str, repository: Repository) -> list[str]:
    """Return the folders, from the git root, of other workspaces with a name."""
    folders: list[str] = []
    for path, folder in repository.tree.folders_with(WORKSPACE_FILE).items() if name else ():
        tree = repository.tree.elsewhere(path)
        content = tree.read(WORKSPACE_FILE) if tree is not None else None
        if content is None or (name.encode() not in content and b"\\" not in content):
            continue  # do not parse the many workspaces with another name
        other = repository.elsewhere(path)
        if other is not None and other.workspace_name == name:
            folders.append("the git root" if folder == "." else folder)
    return folders
