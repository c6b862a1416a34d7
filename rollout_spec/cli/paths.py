"""Paths on the command line, sorted by workspace.

A folder stands for the documents of workspaces in it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path, PurePosixPath

from rollout_spec.checks.rules import no_links
from rollout_spec.core.errors import UserError
from rollout_spec.core.text import nearest
from rollout_spec.spec.kinds import API_VERSION, FOLDERS, PAUSE_FILE, WORKSPACE_FILE
from rollout_spec.workflows import locate as location
from rollout_spec.workflows.locate import WorkspaceLocation
from rollout_spec.workspace.loader import is_mistaken_for_pause
from rollout_spec.workspace.repository import Repository

_SUFFIXES = (".yaml", ".yml")


@dataclass
class SortedOut:
    """Workspaces with their files, by paths from the workspace's folder; and the skipped paths as given."""

    places: list[tuple[WorkspaceLocation, list[str]]] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)


def sort_out(start: Path, paths: Sequence[str], *, skip_outside: bool = False) -> SortedOut:
    """Sort files by the workspace that each lies in.

    A folder stands for the documents of workspaces in it. ``skip_outside`` skips a file outside of workspaces, or
    without a role in its workspace. UserError if a path does not exist, or, without ``skip_outside``, is in no
    workspace. A path through a link belongs to the workspace of the link, and ``check`` reports the link.
    """
    sorter = _PathSorter()
    for path in paths:
        absolute = Path(os.path.normpath(start / path))
        is_linked = sorter.around_link(absolute) is not None
        if absolute.is_dir() and not is_linked:
            if not sorter.add_folder(absolute) and not skip_outside:
                location.find_from(absolute)  # raises the error
        elif not absolute.is_file() and not is_linked:
            raise UserError(f"no file {path}", hint=_similar(absolute, start))
        elif not sorter.add(absolute, only_ours=skip_outside):
            sorter.result.skipped.append(path)
    return sorter.result


class _PathSorter:
    """Collects files by workspace. Workspaces and their folders are looked up once."""

    def __init__(self) -> None:
        self.result = SortedOut()
        self._lists: dict[Path, list[str]] = {}
        self._around = cache(_around)
        self._repository_at = cache(WorkspaceLocation.repository)
        self._is_direct = cache(lambda folder: os.path.realpath(folder) == str(folder))

    def around_link(self, path: Path) -> WorkspaceLocation | None:
        """Return the workspace of the first link in a path, None if there is none."""
        is_direct = self._is_direct(path.parent) and not path.is_symlink()
        return None if is_direct else _around_link(path, self._around)

    def add(self, file: Path, *, only_ours: bool) -> bool:
        """Add a file to its workspace. Return False if it has none, or no role in it."""
        is_pause = file.name == PAUSE_FILE or is_mistaken_for_pause(file.name)
        here = self.around_link(file) or self._around(file.parent, is_pause)
        if here is None and not only_ours:
            location.find_from(file.parent)  # raises the error
        if here is None or (only_ours and not _is_ours(here.inside(str(file)), self._repository_at(here))):
            return False
        if here.workspace not in self._lists:
            self._lists[here.workspace] = []
            self.result.places.append((here, self._lists[here.workspace]))
        self._lists[here.workspace].append(here.inside(str(file)))
        return True

    def add_folder(self, folder: Path) -> int:
        """Add the documents and links of workspaces in a folder, and return their number."""
        documents = list(_documents(folder))
        links = [link for here in _workspaces(folder, documents) for link in _links_in(folder, here)]
        return sum(self.add(file, only_ours=True) for file in dict.fromkeys([*documents, *links]))


def _around(folder: Path, is_pause: bool) -> WorkspaceLocation | None:
    """Return the workspace around a folder. A pause outside of workspaces applies to the git repository."""
    return location.around(folder) or (location.above_workspaces(folder) if is_pause else None)


def _around_link(path: Path, around: Callable[[Path, bool], WorkspaceLocation | None]) -> WorkspaceLocation | None:
    """Return the workspace of the first link in a path, None if no link is in a workspace.

    Links above the git root do not count: the whole repository may be reached through one. A link between the git root
    and a workspace belongs to the git repository.
    """
    folder = path if path.is_dir() else path.parent
    for link in (part for part in reversed((path, *path.parents)) if part.is_symlink()):
        here = around(link.parent, link.name == PAUSE_FILE)
        if here is None and around(folder, False) is not None and _git_root(link.parent) == _git_root(folder):
            here = location.above_workspaces(link.parent)
        if here is not None:
            return here
    return None


def _git_root(folder: Path) -> Path | None:
    here = location.above_workspaces(folder)
    return here.git_root if here is not None else None


def _workspaces(folder: Path, documents: Sequence[Path]) -> list[WorkspaceLocation]:
    """Return the workspaces in a folder, and the one around it."""
    inside = [each.parent for each in documents if each.name == WORKSPACE_FILE]
    locations = (location.around(each) for each in dict.fromkeys((folder, *inside)))
    return list(dict.fromkeys(each for each in locations if each is not None))


def _similar(path: Path, start: Path) -> str | None:
    """Return a hint with the file of a similar name in the same folder."""
    names = [each.name for each in path.parent.iterdir()] if path.parent.is_dir() else []
    match = nearest(path.name, names)
    return f"did you mean `{os.path.relpath(path.with_name(match), start)}`?" if match else None


def _links_in(folder: Path, here: WorkspaceLocation) -> list[Path]:
    """Return the links of a workspace that are in a folder."""
    links = (here.workspace / link for link in no_links.in_workspace(here.repository()) if link is not None)
    return [link for link in links if link.is_relative_to(folder)]


def _documents(folder: Path) -> Iterator[Path]:
    """Yield possible documents of workspaces in a folder: by their folders, and pauses beside workspaces."""
    files = [each for each in folder.rglob("*.y*ml") if each.suffix in _SUFFIXES]
    named = sorted(each for each in files if each.name == WORKSPACE_FILE or each.parent.name in FOLDERS)
    folders = {folder, *(each.parent for each in named if each.name == WORKSPACE_FILE)}
    yield from named
    yield from sorted(each for each in (near / PAUSE_FILE for near in folders) if each.is_file() or each.is_symlink())


def _is_ours(path: str, repository: Repository) -> bool:
    """Return whether a file is part of its workspace.

    It is if its folder, the workspace's file or its apiVersion says so.
    """
    inside, settings = PurePosixPath(path), repository.settings
    if (
        inside.name == PAUSE_FILE
        or is_mistaken_for_pause(path)
        or path == WORKSPACE_FILE
        or (settings and path in settings.policies)
    ):
        return True
    if inside.parts[0] in no_links.OWN and repository.link(path) is not None:
        return True
    if inside.suffix in _SUFFIXES and str(inside.parent) in FOLDERS:
        return True
    file = repository.file(path)
    data = file.document.data if file else None
    api_version = data.get("apiVersion") if isinstance(data, dict) else None
    return isinstance(api_version, str) and api_version.startswith(API_VERSION.partition("/")[0] + "/")
