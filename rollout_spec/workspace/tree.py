"""Everything is a function of a tree: the files of a rollout repository at one moment.

A link is read as absent, on disk as in a commit, where git keeps the name of its target and nothing else. A submodule
is read as absent too: its files are in another repository.
"""

from __future__ import annotations

import os
import posixpath
import re
import stat
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import cache, cached_property
from pathlib import Path, PurePosixPath
from typing import Protocol

from rollout_spec.core.errors import UserError, disk_error
from rollout_spec.core.links import Links
from rollout_spec.core.yaml.reader import MAX_BYTES

_LONGEST_PATH = 1000
_ROUNDABOUT = re.compile(r"\.\.|//|\./|^/|/$|^\.$")


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


def _links_in(tree: Tree, folder: str) -> list[str]:
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


def _by_path_from(folder: str, others: Iterable[str]) -> dict[str, str]:
    """Return folders from the git root by their paths from one of them; that one is left out."""
    paths = sorted({posixpath.normpath(other or ".") for other in others} - {posixpath.normpath(folder)})
    return {posixpath.relpath(path, folder): path for path in paths}


def _open(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0))


def _leads_nowhere(path: str) -> bool:
    return path.startswith("/") or "\0" in path or len(path) > _LONGEST_PATH


class BlobReader(Protocol):
    """What gives the files of commits: git, or a test."""

    def read(self, commit: str, path: str) -> bytes | None:
        """Return the bytes at ``path`` from the git root."""

    def names(self, commit: str, folder: str) -> list[str]:
        """Return the names in ``folder`` from the git root, sorted."""

    def link(self, commit: str, path: str) -> str | None:
        """Return the first part of a path from the git root that is a link or a submodule."""

    def folders_with(self, commit: str, name: str) -> Iterable[str]:
        """Return the folders, from the git root, that hold a file of this name; the root is empty."""


class WorkingTree:
    """The files on disk, below one folder. ``bounds`` is the root of the git repository that it lies in, where one is.

    Without git nothing says where a repository ends, and paths from one workspace to another may lead anywhere.
    ``with_crlf`` gives the files that are committed with CRLF; it is asked when such a file is compared. ``known``
    gives the files that git knows, from its root; it is asked for other workspaces. The folder itself may be reached
    through a link.
    """

    def __init__(
        self,
        root: Path,
        bounds: Path | None = None,
        with_crlf: Callable[[], Collection[str]] = frozenset,
        known: Callable[[], Iterable[str]] = tuple,
    ) -> None:
        self.root = root
        self.bounds = bounds
        self._with_crlf = cache(with_crlf)
        self._known = known
        self._links = Links(root)

    def read(self, path: str) -> bytes | None:
        """Read at most one byte more than a document may have. UserError where the file is there but cannot be read."""
        path = self._inside(path)
        if self._links.of_folder(path.rpartition("/")[0]) is not None:
            return None
        place = f"{self.root}/{path}"
        try:
            found = os.lstat(place)
            if not stat.S_ISREG(found.st_mode):
                return None
            with open(place, "rb", opener=_open) as file:  # a Path is slower, and there are many
                return file.read(min(found.st_size, MAX_BYTES) + 1)
        except (FileNotFoundError, NotADirectoryError, ValueError):  # the last one: no file can have that name
            return None
        except OSError as error:
            raise disk_error(error, f"{place} cannot be read") from None

    def names(self, folder: str) -> list[str]:
        """List a folder on disk."""
        if self._links.of_folder(self._inside(folder)) is not None:
            return []
        try:
            with os.scandir(self.root / folder) as entries:  # a Path for each would cost ten times as much
                return sorted(entry.name for entry in entries)
        except (FileNotFoundError, NotADirectoryError, ValueError):
            return []
        except OSError as error:
            raise disk_error(error, f"{self.root / folder} cannot be read") from None

    def link(self, path: str) -> str | None:
        """Look at each part of a path below the folder."""
        return self._links.of_file(self._inside(path))

    def links(self, folder: str) -> list[str]:
        """Scan a folder on disk."""
        return self._links.below(self._inside(folder))

    def _inside(self, path: str) -> str:
        """Return a path in its shortest form. UserError where it leads out of the workspace."""
        if not _ROUNDABOUT.search(path):
            return path
        inside = posixpath.normpath(path or ".")
        if inside.startswith(("/", "../")) or inside == "..":
            raise UserError(f"{self.root / path} leads out of the workspace", hint="put the file into the workspace")
        return "" if inside == "." else inside

    def folders_with(self, name: str) -> dict[str, str]:
        """Ask git for the files that it knows."""
        bounds = os.path.realpath(self.bounds) if self.bounds is not None else None
        if bounds is None or not Path(self.place).is_relative_to(bounds):
            return {}
        found = (path.rpartition("/")[0] for path in self._known() if path.rpartition("/")[2] == name)
        return _by_path_from(posixpath.relpath(self.place, bounds), found)

    def converts_line_endings(self, path: str) -> bool:
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
        return WorkingTree(place, self.bounds, known=self._known)


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

    def converts_line_endings(self, path: str) -> bool:
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

    def link(self, path: str) -> str | None:
        """Look at each part of a path from the git root."""
        found = self.reader.link(self.commit, posixpath.normpath(f"{self.prefix}/{path}"))
        return None if found is None else posixpath.relpath(found, str(self.prefix))

    def links(self, folder: str) -> list[str]:
        """Walk a folder of the commit."""
        return _links_in(self, folder)

    def folders_with(self, name: str) -> dict[str, str]:
        """List the commit."""
        return _by_path_from(str(self.prefix), self.reader.folders_with(self.commit, name))


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
