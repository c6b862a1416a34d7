"""The files of a new repository, compared with those that are there, which stay as they are."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from rollout_spec.core.errors import UserError, disk_error
from rollout_spec.core.findings import Finding
from rollout_spec.core.links import HINT
from rollout_spec.core.text import excerpt
from rollout_spec.core.units import NAME, NAME_HINT
from rollout_spec.core.yaml.reader import MAX_BYTES
from rollout_spec.spec.kinds import WORKSPACE_FILE
from rollout_spec.workflows.check import review
from rollout_spec.workflows.checkout import open_checkout
from rollout_spec.workflows.init.choices import NONE, Choices
from rollout_spec.workflows.init.contents import GITLAB, HOOKS, files_of, files_of_root, is_example
from rollout_spec.workflows.init.remote import with_remote
from rollout_spec.workflows.locate import WorkspaceLocation, location_of
from rollout_spec.workspace.files import refuse_links
from rollout_spec.workspace.namesakes import others_named
from rollout_spec.workspace.repository import Repository
from rollout_spec.workspace.tree import Tree

_LONGEST_NAME = 63
_FOLDER = re.compile(r"(?:[A-Za-z0-9._][A-Za-z0-9._-]*(?:/|\Z))*")
_PRESENT = {
    HOOKS: re.compile(rb"\bid: *rollout-spec-check-all\b"),
    GITLAB: re.compile(rb"\.gitlab/rollout-spec\.yml"),
}
"""Patterns of a person's own files that have the wanted part already."""


@dataclass(frozen=True)
class LeftFile:
    """A wanted file that was not written.

    ``current`` are the bytes that are there, None if there are none or they cannot be shown. ``path`` begins at the
    git root if ``is_for_root``, else at the folder.
    """

    path: str
    wanted: bytes
    current: bytes | None = None
    is_for_root: bool = False


@dataclass(frozen=True)
class NewRepository:
    """The result of creating a repository.

    ``skipped`` are files of the example, which is left out if one of its files is there with other content. The
    ``findings`` are errors that the files would have in this folder; then nothing is written.
    """

    name: str
    written: tuple[str, ...] = ()
    left: tuple[LeftFile, ...] = ()
    skipped: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    exists: bool = False
    has_git: bool = False


def create_repository(start: Path, name: str, choices: Choices, now: datetime) -> NewRepository:
    """Write the files of a new repository that are not there yet, all of them or none.

    ``name`` is its folder, from ``start``. A workspace that is there is not changed. UserError if a path leads through
    a link, or a flag is missing.
    """
    folder = Path(os.path.normpath(start / name))
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{name} is not a directory")
    here = location_of(folder)
    choices = with_remote(choices, here.git_root)
    choices.require_complete()
    tree = here.repository().tree
    _refuse_linked(folder, WORKSPACE_FILE)
    if not _FOLDER.fullmatch(here.prefix) and not (choices.minimal and choices.ci_or_default == NONE):
        raise UserError(
            f"{excerpt(here.prefix)} has characters that are unsafe in a CI job",
            hint="use letters, digits, `.`, `_` and `-` in the names of folders",
        )
    workspace = _workspace_name(choices, here, tree)
    at_root = files_of_root(choices, workspace, here.prefix)
    if (folder / WORKSPACE_FILE).exists():
        wanted = at_root if choices.ci is not None else {}
        return NewRepository(workspace, left=tuple(_left(here, wanted)), exists=True)
    files = files_of(choices, workspace, here.prefix, tree)
    if not here.prefix:
        files |= at_root
    _refuse_linked(folder, *files)
    return _written(here, workspace, files, at_root if here.prefix else {}, now)


def _written(
    here: WorkspaceLocation, workspace: str, files: Mapping[str, bytes], at_root: Mapping[str, bytes], now: datetime
) -> NewRepository:
    """Write the files that are not there, if the folder passes the check with them."""
    folder = here.workspace
    left = [_left_file(folder, path, content) for path, content in files.items() if not _is_same(folder, path, content)]
    collisions = [each for each in left if (folder / each.path).exists() or _blocked(folder, each.path)]
    skipped = _without_example(collisions, files)
    kept = {each.path for each in collisions} | set(skipped)
    new = {each.path: each.wanted for each in left if each.path not in kept}
    result = NewRepository(
        workspace, (), (*collisions, *_left(here, at_root)), tuple(skipped), has_git=here.git_root is not None
    )
    report = review(here.repository().edited(new), prefix=here.prefix, now=now)
    errors = tuple(each for each in report.findings if each.severity == "error")
    if errors:
        return replace(result, findings=errors)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise disk_error(error, f"cannot create {folder}") from None
    with open_checkout(folder, None, lambda message: None) as checkout:
        checkout.apply(new, dict.fromkeys(new))
    return replace(result, written=tuple(new))


def _without_example(collisions: list[LeftFile], files: Mapping[str, bytes]) -> list[str]:
    """Return the files of the example to leave out, because one of them is there."""
    blocked = {each.path for each in collisions}
    if not any(is_example(path) for path in blocked):
        return []
    return [path for path in files if is_example(path) and path not in blocked]


def _left(here: WorkspaceLocation, at_root: Mapping[str, bytes]) -> list[LeftFile]:
    """Return the files for the git root that it does not have."""
    root = here.git_root or here.workspace
    return [
        replace(_left_file(root, path, content), is_for_root=bool(here.prefix))
        for path, content in at_root.items()
        if not _is_same(root, path, content)
    ]


def _left_file(folder: Path, path: str, content: bytes) -> LeftFile:
    current = _read(folder / path)
    return LeftFile(path, content, current if current is not None and len(current) <= MAX_BYTES else None)


def _is_same(folder: Path, path: str, content: bytes) -> bool:
    """Return whether a file has the wanted content, or the wanted part of it."""
    current = _read(folder / path)
    pattern = _PRESENT.get(path)
    return current == content or bool(current is not None and pattern is not None and pattern.search(current))


def _read(path: Path) -> bytes | None:
    """Return the start of a file, None if it is missing, a link, or no regular file."""
    if path.is_symlink() or not path.is_file():
        return None
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise disk_error(error, f"{path} cannot be read") from None


def _blocked(folder: Path, path: str) -> bool:
    """Return whether a file stands where a path needs a folder."""
    parents = [folder / parent for parent in Path(path).parents if parent != Path()]
    return any(parent.exists() and not parent.is_dir() for parent in parents)


def _refuse_linked(folder: Path, *paths: str) -> None:
    refuse_links(folder, paths)
    if folder.is_symlink() and not folder.exists():
        raise UserError(f"{folder} is a link to nothing", hint=HINT)


def _workspace_name(choices: Choices, here: WorkspaceLocation, tree: Tree) -> str:
    """Return the chosen name, or that of the folder if no other workspace has it."""
    if choices.name is not None:
        if not re.fullmatch(NAME, choices.name):
            raise UserError(f"--name: `{excerpt(choices.name)}` is not a valid name", hint=NAME_HINT)
        return choices.name
    others = Repository(tree)
    names = [_label(here.workspace.resolve().name), _label(here.prefix)]
    return next((name for name in names if name and not others_named(name, others)), "models")


def _label(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower())[:_LONGEST_NAME].strip("-")
