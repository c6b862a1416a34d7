"""Who names a file means that file; who names a folder, or lets a hook name files, means what is ours among them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path, PurePosixPath

from rollout_spec.cli import place
from rollout_spec.errors import UserError
from rollout_spec.repository import Repository
from rollout_spec.spec.kinds import API_VERSION, FOLDERS, PAUSE_FILE, WORKSPACE_FILE

_SUFFIXES = (".yaml", ".yml")


@dataclass
class SortedOut:
    """Workspaces, each with the files in it, by their paths from its folder; and what was passed over, as named."""

    places: list[tuple[place.Place, list[str]]] = field(default_factory=list)
    passed_over: list[str] = field(default_factory=list)


def sort_out(start: Path, paths: Sequence[str], *, skip_outside: bool = False) -> SortedOut:
    """Sort files by the workspace that each lies in; a folder stands for the documents of workspaces in it.

    ``skip_outside`` passes over a file that is no part of a workspace: it is in none, or in none of its folders, and
    says nothing of being ours. UserError where there is no file or folder, or, without that, no workspace.
    """
    found = SortedOut()
    lists: dict[Path, list[str]] = {}
    around, repository_at = cache(_around), cache(place.Place.repository)

    def add(file: Path, *, only_ours: bool) -> bool:
        here = around(file.parent, file.name == PAUSE_FILE)
        if here is None and not only_ours:
            place.find_from(file.parent)  # says what is missing
        if here is None or (only_ours and not _is_ours(here.inside(str(file)), repository_at(here))):
            return False
        if here.workspace not in lists:
            lists[here.workspace] = []
            found.places.append((here, lists[here.workspace]))
        lists[here.workspace].append(here.inside(str(file)))
        return True

    for path in paths:
        absolute = Path(os.path.normpath(start / path))
        if absolute.is_dir():
            ours = sum(add(file, only_ours=True) for file in _documents(absolute))
            if not ours and not skip_outside:
                place.find_from(absolute)
        elif not absolute.is_file():
            raise UserError(f"there is no file {path}")
        elif not add(absolute, only_ours=skip_outside):
            found.passed_over.append(path)
    return found


def _around(folder: Path, is_pause: bool) -> place.Place | None:
    """Return the workspace that a folder is in; a pause in none may be one of the whole git repository."""
    return place.around(folder) or (place.above_workspaces(folder) if is_pause else None)


def _documents(folder: Path) -> Iterator[Path]:
    """Give what may be documents of workspaces in a folder: by their places, and pauses beside them."""
    found = [each for each in folder.rglob("*.y*ml") if each.suffix in _SUFFIXES]
    named = sorted(each for each in found if each.name == WORKSPACE_FILE or each.parent.name in FOLDERS)
    beside = {folder, *(each.parent for each in named if each.name == WORKSPACE_FILE)}
    yield from named
    yield from sorted(each for each in (near / PAUSE_FILE for near in beside) if each.is_file())


def _is_ours(path: str, repository: Repository) -> bool:
    """Is a file in a workspace a part of it: by its place, by the workspace's word, or by its own?"""
    inside, settings = PurePosixPath(path), repository.settings
    if inside.name == PAUSE_FILE or path == WORKSPACE_FILE or (settings and path in settings.policies):
        return True
    if inside.suffix in _SUFFIXES and str(inside.parent) in FOLDERS:
        return True
    file = repository.file(path)
    data = file.document.data if file else None
    said = data.get("apiVersion") if isinstance(data, dict) else None
    return isinstance(said, str) and said.startswith(API_VERSION.partition("/")[0] + "/")
