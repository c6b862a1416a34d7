"""Folders of commits. Each is read once, unless too many others were read since."""

from __future__ import annotations

from rollout_spec.integrations.git.command import ID, checked
from rollout_spec.integrations.git.objects import Entry, Objects

_MOST_ENTRIES = 500_000
"""The number of entries to keep, of 400 bytes each: anybody may push commits with large folders."""


class Trees:
    """The folders of the commits of one repository. Paths are from its root."""

    def __init__(self, objects: Objects, sizes: Objects) -> None:
        self._objects = objects
        self._sizes = sizes
        self._folders: dict[tuple[str, str], dict[str, Entry]] = {}  # the one that was used last is at the end
        self._count = 0

    def entry(self, commit: str, path: str) -> Entry | None:
        """Return the entry of a path in a commit, None if there is none."""
        folder, _, name = path.rpartition("/")
        return self.folder(commit, folder).get(name)

    def folder(self, commit: str, folder: str) -> dict[str, Entry]:
        """Return the entries of a folder of a commit by name; empty if it is not a folder."""
        key = (commit, folder)
        entries = self._folders.pop(key, None)
        if entries is None:
            entries = self._read(commit, folder)
            self._count += len(entries)
        self._folders[key] = entries
        while self._count > _MOST_ENTRIES and len(self._folders) > 1:
            self._count -= len(self._folders.pop(next(iter(self._folders))))
        return entries

    def has_large_folder(self, commit: str, folder: str, most: int) -> bool:
        """Return whether a folder, or one above it, has more than ``most`` bytes."""
        wanted, above = f"{checked(commit, ID)}^{{tree}}", ""
        for name in folder.split("/") if folder else ():
            if self._sizes.size(wanted) > most:
                return True
            entry = self.folder(commit, above).get(name)
            if entry is None or not entry.is_folder:
                return False
            wanted, above = entry.oid, f"{above}/{name}" if above else name
        return self._sizes.size(wanted) > most

    def _read(self, commit: str, folder: str) -> dict[str, Entry]:
        wanted = f"{checked(commit, ID)}^{{tree}}"
        if folder:
            above, _, name = folder.rpartition("/")
            entry = self.folder(commit, above).get(name)
            if entry is None or not entry.is_folder:
                return {}
            wanted = entry.oid
        return dict(self._objects.tree(wanted))

    def link(self, commit: str, path: str) -> str | None:
        """Return the first part of a path in a commit that is a link or a submodule, None if no part is."""
        above = ""
        for name in path.split("/"):
            entry = self.folder(commit, above).get(name)
            above = f"{above}/{name}" if above else name
            if entry is None or not entry.is_folder:
                return above if entry is not None and not entry.is_file else None
        return None
