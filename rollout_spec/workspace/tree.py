"""Everything is a function of a tree: the files of a rollout repository at one moment.

A link is read as absent, on disk as in a commit, where git keeps the name of its target and nothing else. A submodule
is read as absent too: its files are in another repository.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping
from typing import Protocol

_LONGEST_PATH = 1000


class Tree(Protocol):
    """Files by their path from the workspace's folder, with ``/`` between names."""

    def read(self, path: str) -> bytes | None:
        """Return the bytes of a file, None where there is none."""

    def names(self, folder: str) -> list[str]:
        """Return the names of what lies directly in a folder, sorted; none where there is no such folder."""

    @property
    def place(self) -> str:
        """The folder itself: trees of one moment whose place is the same are of the same folder."""

    def converts_line_endings(self, path: str) -> bool:
        """May CRLF in a file be LF in its commit? In a checkout it may, and in a commit bytes are bytes."""

    def elsewhere(self, path: str) -> Tree | None:
        """Return another folder of the same repository at the same moment, by its path from this one.

        None where the path is absolute, leads out of the repository or goes through a link; the folder may be missing.
        """

    def link(self, path: str) -> str | None:
        """Return the first part of a path that is a link or a submodule, None if no part is.

        In a commit that may be a folder above this one.
        """

    def links(self, folder: str) -> list[str]:
        """Return the links and submodules in a folder, at any depth; the folder's own link if it is one."""

    def folders_with(self, name: str) -> dict[str, str]:
        """Return the other folders of the git repository that hold a file of this name.

        They are paths from the git root, by the paths from this folder.
        """


def links_in(tree: Tree, folder: str) -> list[str]:
    """Walk a folder of a tree, and return the links in it."""
    found: list[str] = []
    todo = [folder]
    while todo:
        path = todo.pop()
        link = tree.link(path)
        if link is not None:
            found.append(link)
        else:
            todo += (f"{path}/{name}" if path else name for name in tree.names(path))
    return sorted(found)


def as_committed(tree: Tree, path: str) -> bytes | None:
    """Return the bytes of a text as git keeps it, though a checkout may have it with CRLF; None where there is none."""
    content = tree.read(path)
    return (
        with_lf(content) if content is not None and b"\r\n" in content and tree.converts_line_endings(path) else content
    )


def with_lf(content: bytes) -> bytes:
    """Return a text whose lines end in LF where they ended in CRLF."""
    return content.replace(b"\r\n", b"\n")


def by_path_from(folder: str, others: Iterable[str]) -> dict[str, str]:
    """Return folders from the git root by their paths from one of them; that one is left out."""
    paths = sorted({posixpath.normpath(other or ".") for other in others} - {posixpath.normpath(folder)})
    return {posixpath.relpath(path, folder): path for path in paths}


def leads_nowhere(path: str) -> bool:
    return path.startswith("/") or "\0" in path or len(path) > _LONGEST_PATH


class Overlay:
    """Another tree with edits laid over it: new bytes by path, None where a file goes. Other folders have none."""

    def __init__(self, below: Tree, edits: Mapping[str, bytes | None]) -> None:
        self.below = below
        self.edits = dict(edits)

    def read(self, path: str) -> bytes | None:
        """Read the edit where there is one."""
        return self.edits[path] if path in self.edits else self.below.read(path)

    def names(self, folder: str) -> list[str]:
        """List what is there after the edits; a folder that they emptied may still be named by its parent."""
        found = set(self.below.names(folder))
        start = f"{folder}/" if folder else ""
        for path, content in self.edits.items():
            if path.startswith(start):
                name, _, rest = path.removeprefix(start).partition("/")
                if content is not None:
                    found.add(name)
                elif not rest:
                    found.discard(name)
        return sorted(found)

    @property
    def place(self) -> str:
        """The folder of the tree below."""
        return self.below.place

    def converts_line_endings(self, path: str) -> bool:
        """Ask the tree below: what is laid over it has the line ends of what was there."""
        return self.below.converts_line_endings(path)

    def elsewhere(self, path: str) -> Tree | None:
        """Go to another folder of the tree below; a path that leads back here stays here, with the edits."""
        other = self.below.elsewhere(path)
        return self if other is not None and other.place == self.place else other

    def link(self, path: str) -> str | None:
        """Ask the tree below, unless an edit puts a file there."""
        return None if path in self.edits else self.below.link(path)

    def links(self, folder: str) -> list[str]:
        """Return the links of the tree below that no edit replaces."""
        return [link for link in self.below.links(folder) if link not in self.edits]

    def folders_with(self, name: str) -> dict[str, str]:
        """Ask the tree below: other folders have no edits."""
        return self.below.folders_with(name)
