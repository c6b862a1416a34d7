"""The names in the folders of a workspace, listed at their first use."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping

from rollout_spec.workspace.tree import Tree, names_after

_LAST_LETTER = "\U0010ffff"


class FolderNames:
    """The names in the folders of a tree. If it is edited, they are those below it, with the edits."""

    def __init__(self, tree: Tree, below: FolderNames | None = None, edits: Mapping[str, bytes | None] | None = None):
        self._tree = tree
        self._below = below
        self._edits = edits or {}
        self._entries: dict[str, list[str]] = {}
        self._documents: dict[str, list[str]] = {}
        self._others: dict[str, list[str]] = {}

    def entries(self, folder: str) -> list[str]:
        """Return the names of a folder's direct entries, sorted."""
        if folder not in self._entries:
            if self._below is None:
                self._entries[folder] = self._tree.names(folder)
            else:
                self._entries[folder] = names_after(self._edits, folder, self._below.entries(folder))
        return self._entries[folder]

    def documents(self, folder: str) -> list[str]:
        """Return the names of the documents in a folder, sorted."""
        if folder not in self._documents:
            self._documents[folder] = self._listed(folder)
        return self._documents[folder]

    def documents_from(self, folder: str, start: str) -> list[str]:
        """Return the names of the documents in a folder that begin with ``start``."""
        names = self.documents(folder)
        return names[bisect_left(names, start) : bisect_left(names, start + _LAST_LETTER)]

    def others(self, folder: str) -> list[str]:
        """Return the names of the other entries of a folder, which are not documents."""
        if folder not in self._others:
            if self._below is None:
                self.documents(folder)
            elif any(path.startswith(f"{folder}/") and not path.endswith(".yaml") for path in self._edits):
                self._others[folder] = [name for name in self.entries(folder) if not name.endswith(".yaml")]
            else:
                self._others[folder] = self._below.others(folder)
        return self._others[folder]

    def _listed(self, folder: str) -> list[str]:
        """List a folder. An edited tree is not listed again, and keeps the list below if no edit changes it."""
        if self._below is None:
            files = self.entries(folder)
            self._others[folder] = [name for name in files if not name.endswith(".yaml")]
            return sorted(name.removesuffix(".yaml") for name in files if name.endswith(".yaml"))
        names = self._below.documents(folder)
        for path, content in self._edits.items():
            parent, _, name = path.rpartition("/")
            if parent == folder and name.endswith(".yaml"):
                names = _with(names, name.removesuffix(".yaml"), present=content is not None)
        return names


def _with(names: list[str], name: str, *, present: bool) -> list[str]:
    """Return sorted names with a name added or removed."""
    at = bisect_left(names, name)
    if (names[at : at + 1] == [name]) == present:
        return names
    return [*names[:at], name, *names[at:]] if present else [*names[:at], *names[at + 1 :]]
