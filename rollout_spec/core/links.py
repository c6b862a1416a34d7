"""Symbolic links and submodules below a folder on disk.

A commit holds the target path of a link, and the commit id of a submodule. The files behind them are in no commit of
this repository, so nothing may be read or written through them.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from rollout_spec.core.errors import UserError

HINT = "replace it with the files themselves"


class Links:
    """The links below one folder, each folder examined once.

    The path of the folder itself may contain links.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._start = f"{root}/"
        self._folders: dict[str, str | None] = {"": None}

    def of_file(self, path: str) -> str | None:
        """Return the first part of a path that is a link or a submodule, None if no part is."""
        above = self.of_folder(path.rpartition("/")[0])
        return above or (path if path and _is_link(self._start + path) else None)

    def of_folder(self, path: str) -> str | None:
        """Return the same for a folder, and cache the answer."""
        if path not in self._folders:
            start = path.find("/")
            while start >= 0 and (part := path[:start]):
                if part not in self._folders:
                    self._folders[part] = part if _is_link(self._start + part) else None
                if self._folders[part] is not None:
                    self._folders[path] = part
                    return part
                start = path.find("/", start + 1)
            self._folders[path] = path if _is_link(self._start + path) else None
        return self._folders[path]

    def below(self, folder: str) -> list[str]:
        """Return the links in a folder, at any depth, or the folder itself if it is one.

        UserError if unreadable.
        """
        first = self.of_folder(folder)
        if first is not None:
            return [first]
        paths: list[str] = []
        pending = [folder]
        while pending:
            current = pending.pop()
            try:
                links, folders = _links_and_folders(self._start + current)
            except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: the name holds a NUL
                continue
            except OSError as error:
                if error.errno == errno.ENAMETOOLONG:
                    continue
                raise UserError(f"{self.root / current} cannot be read: {error.strerror}") from None
            start = f"{current}/" if current else ""
            paths += (start + name for name in links)
            pending += (start + name for name in folders)
        return sorted(paths)


def _links_and_folders(folder: str) -> tuple[list[str], list[str]]:
    """Return the names of the links in a folder, and those of its other subfolders."""
    links: list[str] = []
    folders: list[str] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_symlink():
                links.append(entry.name)
            elif entry.is_dir(follow_symlinks=False):
                (links if _is_repository(entry.path) else folders).append(entry.name)
    return links, folders


def _is_link(path: str) -> bool:
    try:
        mode = os.lstat(path).st_mode
    except (OSError, ValueError):  # the file is missing, or its name holds a NUL
        return False
    return stat.S_ISLNK(mode) or (stat.S_ISDIR(mode) and _is_repository(path))


def _is_repository(folder: str) -> bool:
    """Return whether a folder is the root of a git repository: a submodule, or a clone within a clone."""
    return os.path.lexists(f"{folder}/.git")
