"""The files of a workspace on disk."""

from __future__ import annotations

import os
import posixpath
import re
import stat
from collections.abc import Callable, Collection, Iterable
from functools import cache, cached_property
from pathlib import Path

from rollout_spec.core.errors import UserError, disk_error
from rollout_spec.core.links import Links
from rollout_spec.core.yaml.reader import MAX_BYTES
from rollout_spec.workspace.tree import by_path_from, leads_nowhere

_ROUNDABOUT = re.compile(r"\.\.|//|\./|^/|/$|^\.$")


def _read(path: str, most: int) -> bytes:
    """Read some bytes of a file, with fewer calls of the system than ``open``: there are many files."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        content = os.read(handle, most)
        while len(content) < most and (more := os.read(handle, most - len(content))):
            content += more
        return content
    finally:
        os.close(handle)


class WorkingTree:
    """The files on disk below one folder. ``bounds`` is the root of its git repository, if it is in one.

    Without git, paths from one workspace to another may lead anywhere. ``with_crlf`` returns the files that are
    committed with CRLF. ``known`` returns the files that git tracks, from its root; it is used to find other
    workspaces. The path of the folder itself may contain links.
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
        """Read at most one byte more than a document may have. UserError if an existing file cannot be read."""
        path = self._inside(path)
        if self._links.of_folder(path.rpartition("/")[0]) is not None:
            return None
        file_path = f"{self.root}/{path}"
        try:
            status = os.lstat(file_path)
            if not stat.S_ISREG(status.st_mode):
                return None
            return _read(file_path, min(status.st_size, MAX_BYTES) + 1)
        except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: the name holds a NUL
            return None
        except OSError as error:
            raise disk_error(error, f"{file_path} cannot be read") from None

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
        """Check each part of a path below the folder."""
        return self._links.of_file(self._inside(path))

    def links(self, folder: str) -> list[str]:
        """Scan a folder on disk."""
        return self._links.below(self._inside(folder))

    def _inside(self, path: str) -> str:
        """Return a path in its shortest form. UserError if it leads out of the workspace."""
        if not _ROUNDABOUT.search(path):
            return path
        inside = posixpath.normpath(path or ".")
        if inside.startswith(("/", "../")) or inside == "..":
            raise UserError(f"{self.root / path} is outside of the workspace", hint="move the file into the workspace")
        return "" if inside == "." else inside

    def folders_with(self, name: str) -> dict[str, str]:
        """Find the folders in the list of files that git tracks."""
        bounds = os.path.realpath(self.bounds) if self.bounds is not None else None
        if bounds is None or not Path(self.location).is_relative_to(bounds):
            return {}
        folders = (path.rpartition("/")[0] for path in self._known() if path.rpartition("/")[2] == name)
        return by_path_from(posixpath.relpath(self.location, bounds), folders)

    def converts_line_endings(self, path: str) -> bool:
        """Return whether the file was not committed with CRLF."""
        return path not in self._with_crlf()

    @cached_property
    def location(self) -> str:
        """The folder on disk, without links."""
        return os.path.realpath(self.root)

    def elsewhere(self, path: str) -> WorkingTree | None:
        """Return another folder on disk. None if a commit would not hold it.

        A commit holds no folder behind a link, and no nested repository.
        """
        place = Path(os.path.normpath(Path(self.location, path)))
        try:
            if leads_nowhere(path) or any(folder.is_symlink() for folder in (place, *place.parents)):
                return None
            if self.bounds is not None:
                bounds = Path(os.path.realpath(self.bounds))
                within = [folder for folder in (place, *place.parents) if folder.is_relative_to(bounds)]
                if not within or any((folder / ".git").exists() for folder in within[:-1]):
                    return None
        except OSError:  # the path is no possible file name
            return None
        return WorkingTree(place, self.bounds, known=self._known)
