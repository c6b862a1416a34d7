"""Trees: the files of a workspace at one moment, and a tree with edits over another one.

A link is read as absent, on disk and in a commit: git stores only the path of its target. A submodule is read as absent
too, because its files are in another repository.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping
from typing import Protocol

_LONGEST_PATH = 1000


class Tree(Protocol):
    """Files by path from the workspace's folder, with ``/`` between names."""

    def read(self, path: str) -> bytes | None:
        """Return the bytes of a file, or None if it is missing."""

    def names(self, folder: str) -> list[str]:
        """Return the sorted names of a folder's direct entries, none if the folder is missing."""

    @property
    def location(self) -> str:
        """The path of the folder. Trees of one moment with the same location are of the same folder."""

    def converts_line_endings(self, path: str) -> bool:
        """Return whether CRLF in a file may be LF in its commit, as in a checkout."""

    def elsewhere(self, path: str) -> Tree | None:
        """Return another folder of the same repository at the same moment, by its path from this one.

        None if the path is absolute, leads out of the repository or goes through a link. The folder may be missing.
        """

    def link(self, path: str) -> str | None:
        """Return the first part of a path that is a link or a submodule, or None.

        In a commit that may be a folder above this one.
        """

    def links(self, folder: str) -> list[str]:
        """Return the links and submodules in a folder, at any depth, or the folder itself if it is one."""

    def folders_with(self, name: str) -> dict[str, str]:
        """Return the other folders of the git repository with a file of this name.

        The values are paths from the git root, the keys are paths from this folder.
        """


def links_in(tree: Tree, folder: str) -> list[str]:
    """Return the links in a folder of a tree, at any depth."""
    links: list[str] = []
    pending = [folder]
    while pending:
        path = pending.pop()
        link = tree.link(path)
        if link is not None:
            links.append(link)
        else:
            pending += (f"{path}/{name}" if path else name for name in tree.names(path))
    return sorted(links)


def as_committed(content: bytes, path: str, tree: Tree) -> bytes:
    """Return the bytes of a text as git stores it: with LF at line ends if the checkout converts them."""
    return with_lf(content) if b"\r\n" in content and tree.converts_line_endings(path) else content


def with_lf(content: bytes) -> bytes:
    """Return a text with LF in place of CRLF."""
    return content.replace(b"\r\n", b"\n")


def by_path_from(folder: str, others: Iterable[str]) -> dict[str, str]:
    """Return folders, as paths from the git root, by their paths from ``folder``, which is left out."""
    paths = sorted({posixpath.normpath(other or ".") for other in others} - {posixpath.normpath(folder)})
    return {posixpath.relpath(path, folder): path for path in paths}


def leads_nowhere(path: str) -> bool:
    return path.startswith("/") or "\0" in path or len(path) > _LONGEST_PATH


def names_after(edits: Mapping[str, bytes | None], folder: str, names: Iterable[str]) -> list[str]:
    """Return the sorted names of a folder's direct entries after edits. ``names`` are those before."""
    found = set(names)
    start = f"{folder}/" if folder else ""
    for path, content in edits.items():
        if path.startswith(start):
            name, _, rest = path.removeprefix(start).partition("/")
            if content is not None:
                found.add(name)
            elif not rest:
                found.discard(name)
    return sorted(found)


class Overlay:
    """A tree with edits over another one: new bytes by path, or None for a removed file."""

    def __init__(self, below: Tree, edits: Mapping[str, bytes | None]) -> None:
        self.below = below
        self.edits = dict(edits)
        self.edited_folders = {path.partition("/")[0] for path in edits}

    def read(self, path: str) -> bytes | None:
        """Return the edit of a path, or the file of the tree below."""
        return self.edits[path] if path in self.edits else self.below.read(path)

    def names(self, folder: str) -> list[str]:
        """Return the names after the edits. A parent may still name a folder that the edits emptied."""
        return names_after(self.edits, folder, self.below.names(folder))

    @property
    def location(self) -> str:
        """The folder of the tree below."""
        return self.below.location

    def converts_line_endings(self, path: str) -> bool:
        """Return whether the tree below does: edits keep the line ends of a file."""
        return self.below.converts_line_endings(path)

    def elsewhere(self, path: str) -> Tree | None:
        """Return another folder of the tree below.

        A path that leads back here returns this tree, with its edits.
        """
        other = self.below.elsewhere(path)
        return self if other is not None and other.location == self.location else other

    def link(self, path: str) -> str | None:
        """Ask the tree below, unless an edit creates the file."""
        return None if path in self.edits else self.below.link(path)

    def links(self, folder: str) -> list[str]:
        """Return the links of the tree below that no edit replaces."""
        return [link for link in self.below.links(folder) if link not in self.edits]

    def folders_with(self, name: str) -> dict[str, str]:
        """Ask the tree below: other folders have no edits."""
        return self.below.folders_with(name)
