"""Everything is a function of a tree: the files of a rollout repository at one moment."""

from __future__ import annotations

import os
import posixpath
import stat
from collections.abc import Callable, Collection, Mapping
from functools import cache, cached_property
from pathlib import Path, PurePosixPath
from typing import Protocol

from rollout_spec.errors import UserError
from rollout_spec.reading import MAX_BYTES

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

    def is_turned(self, path: str) -> bool:
        """May CRLF in a file be LF in its commit? In a checkout it may, and in a commit bytes are bytes."""

    def elsewhere(self, path: str) -> Tree | None:
        """Return another folder of the same repository at the same moment, by its path from this one.

        None where the path is absolute, leads out of the repository or goes through a link; the folder may be missing.
        """


def as_committed(tree: Tree, path: str) -> bytes | None:
    """Return the bytes of a text as git keeps it, though a checkout may have it with CRLF; None where there is none."""
    content = tree.read(path)
    return with_lf(content) if content is not None and b"\r\n" in content and tree.is_turned(path) else content


def with_lf(content: bytes) -> bytes:
    """Return a text whose lines end in LF where they ended in CRLF."""
    return content.replace(b"\r\n", b"\n")


def _leads_nowhere(path: str) -> bool:
    return path.startswith("/") or "\0" in path or len(path) > _LONGEST_PATH


class BlobReader(Protocol):
    """What gives the files of commits: git, or a test."""

    def read(self, commit: str, path: str) -> bytes | None:
        """Return the bytes at ``path`` from the git root."""

    def names(self, commit: str, folder: str) -> list[str]:
        """Return the names in ``folder`` from the git root, sorted."""


class WorkingTree:
    """The files on disk, below one folder. ``bounds`` is the root of the git repository that it lies in, where one is.

    Without git nothing says where a repository ends, and paths from one workspace to another may lead anywhere.
    ``with_crlf`` gives the files that are committed with CRLF; it is asked when such a file is compared.
    """

    def __init__(
        self, root: Path, bounds: Path | None = None, with_crlf: Callable[[], Collection[str]] = frozenset
    ) -> None:
        self.root = root
        self.bounds = bounds
        self._with_crlf = cache(with_crlf)

    def read(self, path: str) -> bytes | None:
        """Read at most one byte more than a document may have. UserError where the file is there but cannot be read."""
        place = self.root / path
        try:
            may_leave = ".." in place.parts or path.startswith("/") or place.is_symlink()
            if may_leave and not Path(os.path.realpath(place)).is_relative_to(self.place):
                raise UserError(f"{place} leads out of the workspace", hint="put the file itself into the workspace")
            found = place.stat()
            if not stat.S_ISREG(found.st_mode):
                return None
            with place.open("rb") as file:
                return file.read(min(found.st_size, MAX_BYTES) + 1)
        except (FileNotFoundError, NotADirectoryError, ValueError):  # the last one: no file can have that name
            return None
        except OSError as error:
            raise UserError(f"{place} cannot be read: {error.strerror}") from None

    def names(self, folder: str) -> list[str]:
        """List a folder on disk."""
        try:
            with os.scandir(self.root / folder) as entries:  # a Path for each would cost ten times as much
                return sorted(entry.name for entry in entries)
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise UserError(f"{self.root / folder} cannot be read: {error.strerror}") from None

    def is_turned(self, path: str) -> bool:
        """Was the file not committed with CRLF?"""
        return path not in self._with_crlf()

    @cached_property
    def place(self) -> str:
        """The folder on disk, without links."""
        return os.path.realpath(self.root)

    def elsewhere(self, path: str) -> WorkingTree | None:
        """Go to another folder on disk, as far as a commit would have it: no link, no git repository in this one."""
        place = Path(os.path.normpath(Path(self.place, path)))
        try:
            if _leads_nowhere(path) or any(folder.is_symlink() for folder in (place, *place.parents)):
                return None
            if self.bounds is not None:
                bounds = Path(os.path.realpath(self.bounds))
                within = [folder for folder in (place, *place.parents) if folder.is_relative_to(bounds)]
                if not within or any((folder / ".git").exists() for folder in within[:-1]):
                    return None
        except OSError:  # a name that no file can have
            return None
        return WorkingTree(place, self.bounds)


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

    def is_turned(self, path: str) -> bool:
        """No: these are the bytes of the commit."""
        return False

    @property
    def place(self) -> str:
        """The folder in the commit."""
        return str(self.prefix)

    def elsewhere(self, path: str) -> CommitTree | None:
        """Go to another folder of the commit."""
        place = posixpath.normpath(f"{self.prefix}/{path}")
        if _leads_nowhere(path) or place == ".." or place.startswith("../"):
            return None
        return CommitTree(self.reader, self.commit, place)


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

    def is_turned(self, path: str) -> bool:
        """Ask the tree below: what is laid over it has the line ends of what was there."""
        return self.below.is_turned(path)

    def elsewhere(self, path: str) -> Tree | None:
        """Go to another folder of the tree below; a path that leads back here stays here, with the edits."""
        other = self.below.elsewhere(path)
        return self if other is not None and other.place == self.place else other
