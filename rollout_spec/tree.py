"""Everything is a function of a tree: the files of a rollout repository at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Protocol

from rollout_spec.errors import UserError
from rollout_spec.reading import MAX_BYTES


class Tree(Protocol):
    """Files by their path from the workspace's folder, with ``/`` between names."""

    def read(self, path: str) -> bytes | None:
        """Return the bytes of a file, None where there is none."""

    def names(self, folder: str) -> list[str]:
        """Return the names of what lies directly in a folder, sorted; none where there is no such folder."""


class BlobReader(Protocol):
    """What gives the files of commits: git, or a test."""

    def read(self, commit: str, path: str) -> bytes | None:
        """Return the bytes at ``path`` from the git root."""

    def names(self, commit: str, folder: str) -> list[str]:
        """Return the names in ``folder`` from the git root, sorted."""


class WorkingTree:
    """The files on disk, below one folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def read(self, path: str) -> bytes | None:
        """Read at most one byte more than a document may have. UserError where the file is there but cannot be read."""
        place = self.root / path
        try:
            may_leave = place.is_symlink() or ".." in place.parts or path.startswith("/")
            if may_leave and not place.resolve().is_relative_to(self.root.resolve()):
                raise UserError(f"{place} leads out of the workspace", hint="put the file itself into the workspace")
            if not place.is_file():
                return None
            with place.open("rb") as file:
                return file.read(MAX_BYTES + 1)
        except (OSError, ValueError) as error:
            raise UserError(f"{place} cannot be read: {getattr(error, 'strerror', None) or error}") from None

    def names(self, folder: str) -> list[str]:
        """List a folder on disk."""
        try:
            return sorted(entry.name for entry in (self.root / folder).iterdir())
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise UserError(f"{self.root / folder} cannot be read: {error.strerror}") from None


class CommitTree:
    """The files of one commit, below ``prefix`` (the workspace's folder in its git repository; empty at the root)."""

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


class Overlay:
    """Another tree with edits laid over it: new bytes by path, None where a file goes."""

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
