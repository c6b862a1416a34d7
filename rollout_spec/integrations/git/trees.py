"""Folders of commits, each read once."""

from __future__ import annotations

from rollout_spec.integrations.git.command import ID, checked
from rollout_spec.integrations.git.objects import Entry, Objects


class Trees:
    """The folders of the commits of one repository. Paths are from its root."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._folders: dict[tuple[str, str], dict[str, Entry]] = {}

    def entry(self, commit: str, path: str) -> Entry | None:
        """Return the entry of a path in a commit, None if there is none."""
        folder, _, name = path.rpartition("/")
        return self.folder(commit, folder).get(name)

    def folder(self, commit: str, folder: str) -> dict[str, Entry]:
        """Return the entries of a folder of a commit by name; empty if it is not a folder."""
        key = (commit, folder)
        if key not in self._folders:
            self._folders[key] = {}
            wanted: str | None = f"{checked(commit, ID)}^{{tree}}"
            if folder:
                above, _, name = folder.rpartition("/")
                entry = self.folder(commit, above).get(name)
                wanted = entry.oid if entry is not None and entry.is_folder else None
            if wanted is not None:
                self._folders[key] = dict(self._objects.tree(wanted))
        return self._folders[key]

    def link(self, commit: str, path: str) -> str | None:
        """Return the first part of a path in a commit that is a link or a submodule, None if no part is."""
        above = ""
        for name in path.split("/"):
            entry = self.folder(commit, above).get(name)
            above = f"{above}/{name}" if above else name
            if entry is None or not entry.is_folder:
                return above if entry is not None and not entry.is_file else None
        return None
