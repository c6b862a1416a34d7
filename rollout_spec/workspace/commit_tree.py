"""The files of a workspace in one commit."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Protocol

from rollout_spec.workspace.tree import by_path_from, leads_nowhere, links_in


class BlobReader(Protocol):
    """A source of the files of commits: git, or a test."""

    def read(self, commit: str, path: str) -> bytes | None:
        """Return the bytes at ``path`` from the git root."""

    def names(self, commit: str, folder: str) -> list[str]:
        """Return the names in ``folder`` from the git root, sorted."""

    def link(self, commit: str, path: str) -> str | None:
        """Return the first part of a path from the git root that is a link or a submodule."""

    def folders_with(self, commit: str, name: str) -> Iterable[str]:
        """Return the folders, from the git root, with a file of this name. The root is the empty path."""


class CommitTree:
    """The files of one commit, below ``prefix``.

    ``prefix`` is the workspace's folder in its git repository, empty at the root.
    """

    def __init__(self, reader: BlobReader, commit: str, prefix: str = "") -> None:
        self.reader = reader
        self.commit = commit
        self.prefix = PurePosixPath(prefix)

    def read(self, path: str) -> bytes | None:
        """Read a blob of the commit."""
        return self.reader.read(self.commit, str(self.prefix / path))

    def names(self, folder: str) -> list[str]:
        """List a folder of the commit."""
        return self.reader.names(self.commit, str(self.prefix / folder))

    def converts_line_endings(self, path: str) -> bool:
        """Return False: a commit holds the bytes themselves."""
        return False

    @property
    def location(self) -> str:
        """The folder in the commit."""
        return str(self.prefix)

    def elsewhere(self, path: str) -> CommitTree | None:
        """Return another folder of the commit."""
        folder = posixpath.normpath(f"{self.prefix}/{path}")
        if leads_nowhere(path) or folder == ".." or folder.startswith("../"):
            return None
        return CommitTree(self.reader, self.commit, folder)

    def link(self, path: str) -> str | None:
        """Check each part of a path from the git root."""
        found = self.reader.link(self.commit, posixpath.normpath(f"{self.prefix}/{path}"))
        return None if found is None else posixpath.relpath(found, str(self.prefix))

    def links(self, folder: str) -> list[str]:
        """Walk a folder of the commit."""
        return links_in(self, folder)

    def folders_with(self, name: str) -> dict[str, str]:
        """List the commit."""
        return by_path_from(str(self.prefix), self.reader.folders_with(self.commit, name))
