"""Links and submodules below a folder on disk.

Git keeps of a link the name of its target, and of a submodule the id of a commit. What is behind them is in no commit
of this repository, so that nothing here may be read or written through them.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from rollout_spec.core.errors import UserError

HINT = "replace it with the files themselves"


class Links:
    """The links below one folder; the folder itself may be reached through a link. Folders are looked at once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._start = f"{root}/"
        self._folders: dict[str, str | None] = {"": None}

    def of_file(self, path: str) -> str | None:
        """Return the first part of a path that is a link or a submodule, None if no part is."""
        above = self.of_folder(path.rpartition("/")[0])
        return above or (path if path and _is_link(self._start + path) else None)

    def of_folder(self, path: str) -> str | None:
        """Return the same of a folder that other files are read through; the answer is kept."""
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
        """Return the links in a folder, at any depth; the folder's own link if it is one. UserError if unreadable."""
        first = self.of_folder(folder)
        if first is not None:
            return [first]
        found: list[str] = []
        todo = [folder]
        while todo:
            above = todo.pop()
            try:
                links, folders = _sorted_out(self._start + above)
            except (FileNotFoundError, NotADirectoryError, ValueError):  # the last one: no file can have that name
                continue
            except OSError as error:
                if error.errno == errno.ENAMETOOLONG:
                    continue
                raise UserError(f"{self.root / above} cannot be read: {error.strerror}") from None
            start = f"{above}/" if above else ""
            found += (start + name for name in links)
            todo += (start + name for name in folders)
        return sorted(found)


def _sorted_out(folder: str) -> tuple[list[str], list[str]]:
    """Return the names of the links in a folder, and of the other folders in it; no file is looked at."""
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
        return stat.S_ISLNK(os.lstat(path).st_mode) or _is_repository(path)
    except (OSError, ValueError):  # it is not there, or no file can have that name
        return False


def _is_repository(folder: str) -> bool:
    """Return whether a folder is the root of a git repository: a submodule, or a clone within a clone."""
    return os.path.lexists(f"{folder}/.git")
