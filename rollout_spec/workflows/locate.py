"""The location of a workspace: the nearest folder with ``.rollout-spec.yaml`` above a start folder.

The start folder may be reached through links. Links in a workspace are not followed.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rollout_spec import __version__
from rollout_spec.core.errors import UserError
from rollout_spec.core.links import HINT, Links
from rollout_spec.core.text import escape
from rollout_spec.spec.kinds import OUTPUTS, WORKSPACE_FILE
from rollout_spec.workspace.repository import Repository
from rollout_spec.workspace.working_tree import WorkingTree


@dataclass(frozen=True)
class WorkspaceLocation:
    """The workspace of a command. ``prefix`` is its folder from the git root, empty outside git.

    ``known`` are the files that git lists from its root; None if it was not asked yet.
    """

    start: Path
    workspace: Path
    git_root: Path | None
    prefix: str
    known: tuple[str, ...] | None = None

    def repository(self) -> Repository:
        """Return the workspace on disk. UserError if it requires another version of this tool."""
        repository = Repository(WorkingTree(self.workspace, self.git_root, self._with_crlf, self._known))
        check_version(repository)
        return repository

    def _with_crlf(self) -> frozenset[str]:
        """Return the rendered files that git stores with CRLF. Git does not convert their line endings."""
        if self.git_root is None:
            return frozenset()
        from rollout_spec.integrations.git.command import Plumbing

        start = f"{self.prefix}/" if self.prefix else ""
        try:
            folders = [f"{start}{folder}" for folder in OUTPUTS]
            output = Plumbing(self.git_root).run("ls-files", "--eol", "-z", "--", *folders)
        except UserError:  # git is missing or does not trust this folder
            return frozenset()
        entries = (entry.partition("\t") for entry in output.split("\0"))
        return frozenset(
            path.removeprefix(start) for attributes, _, path in entries if attributes.startswith(("i/crlf", "i/mixed"))
        )

    def _known(self) -> tuple[str, ...]:
        """Return the tracked and untracked files from the git root, without ignored ones."""
        if self.known is not None or self.git_root is None:
            return self.known or ()
        try:
            return _files(self.git_root)
        except UserError:  # git is missing or does not trust this folder
            return ()

    def inside(self, path: str) -> str:
        """Return a user's path as a path from the workspace. UserError if it lies outside."""
        absolute = Path(os.path.normpath(self.start / path))
        try:
            return absolute.relative_to(self.workspace).as_posix()
        except ValueError:
            raise UserError(
                f"{path} is not in the workspace {self.workspace}", hint="use --repo DIR for another workspace"
            ) from None


def find_from(start: Path) -> WorkspaceLocation:
    """Return the workspace around a folder. UserError if there is none."""
    location = around(start)
    if location is None and (start / "HEAD").is_file():
        raise UserError(
            f"{start} is a bare repository without files",
            hint="use `rollback`, `doctor`, `status`, `history`, `incident`, `mirror`, or a step with --pull-request",
        )
    if location is None:
        raise UserError(
            f"not a rollout repository: no {WORKSPACE_FILE} in {start} or its parents",
            hint=_hint_below(start) or "create one with `rollout-spec init`, or choose one with --repo DIR",
        )
    return location


def _hint_below(start: Path) -> str | None:
    """Return a hint that names the first workspace in a folder, or None if no folder there is one."""
    folders = sorted(file.parent for file in start.glob(f"*/{WORKSPACE_FILE}"))
    if not folders:
        return None
    shown = escape(folders[0].name if start == Path.cwd() else str(folders[0]))
    return f"there is one in {shown}: use --repo {shown}"


def around(start: Path) -> WorkspaceLocation | None:
    """Return the workspace around a folder, None if there is none. UserError if its file is a link."""
    for folder in (start, *start.parents):
        refuse_link(folder, WORKSPACE_FILE)
        if (folder / WORKSPACE_FILE).is_file():
            return _place(start, folder)
    return None


def location_of(folder: Path) -> WorkspaceLocation:
    """Return the location of a workspace in a folder, which need not exist."""
    return _place(folder, folder)


def refuse_link(folder: Path, path: str) -> None:
    """Raise UserError if a path below a folder is a link or goes through one."""
    link = Links(folder).of_file(path)
    if link is not None:
        raise UserError(f"{folder / link} is a link or a submodule, which is not followed", hint=HINT)


def above_workspaces(start: Path) -> WorkspaceLocation | None:
    """Return the whole git repository, for files outside of workspaces; None outside git."""
    git_root = _git_root(start)
    return _place(start, git_root) if git_root is not None else None


def find_all(start: Path) -> list[WorkspaceLocation]:
    """Return the workspaces in or below a folder of a git repository, without ignored ones."""
    git_root = _git_root(start)
    if git_root is None:
        raise UserError(f"--all needs git, but {start} is not in a git repository")
    known = _files(git_root)
    files = [file for file in known if Path(file).name == WORKSPACE_FILE and (git_root / file).is_relative_to(start)]
    for file in files:
        refuse_link(git_root, file)
    folders = [git_root / file for file in files if (git_root / file).is_file()]
    if not folders:
        raise UserError(f"no {WORKSPACE_FILE} in {start} or below it", hint="create one with `rollout-spec init DIR`")
    return [replace(_place(start, file.parent), known=known) for file in folders]


def _files(git_root: Path) -> tuple[str, ...]:
    from rollout_spec.integrations.git.repository import Git

    return tuple(Git(git_root).files())


def _git_root(start: Path) -> Path | None:
    return next((folder for folder in (start, *start.parents) if (folder / ".git").exists()), None)


def _place(start: Path, workspace: Path) -> WorkspaceLocation:
    git_root = _git_root(workspace)
    prefix = "" if git_root is None or git_root == workspace else workspace.relative_to(git_root).as_posix()
    return WorkspaceLocation(start, workspace, git_root, prefix)


def _required_version(data: Any) -> str | None:
    """Return the required version, even if only that version can read the rest of the workspace."""
    spec = data.get("spec") if isinstance(data, dict) else None
    wanted = spec.get("requires") if isinstance(spec, dict) else None
    return wanted if isinstance(wanted, str) else None


def check_version(repository: Repository) -> None:
    """Raise UserError if the workspace requires another version of this tool."""
    file = repository.workspace
    wanted = _required_version(file.document.data) if file else None
    if wanted is None:
        return
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        fits = SpecifierSet(wanted).contains(__version__, prereleases=True)
    except InvalidSpecifier:
        return  # check reports it
    if not fits:
        raise UserError(
            f"this workspace requires rollout-spec {wanted}, but this is {__version__}",
            hint=f'pip install "rollout-spec{wanted}"',
        )
