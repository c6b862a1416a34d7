"""Where a workspace lies: the folder with ``.rollout-spec.yaml``, found by walking up from where a command runs.

The folder where it runs may be reached through links; in the workspace none is followed.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rollout_spec import __version__
from rollout_spec.core.errors import UserError
from rollout_spec.core.links import HINT, Links
from rollout_spec.spec.kinds import WORKSPACE_FILE
from rollout_spec.workspace.repository import Repository
from rollout_spec.workspace.tree import WorkingTree


@dataclass(frozen=True)
class WorkspaceLocation:
    """Where a command runs. ``prefix`` is the workspace's folder in its git root; empty and None outside git.

    ``known`` are the files that git knows, from its root; None if it was not asked yet.
    """

    start: Path
    workspace: Path
    git_root: Path | None
    prefix: str
    known: tuple[str, ...] | None = None

    def repository(self) -> Repository:
        """Return the workspace as it lies on disk. UserError if another version of this tool is asked for."""
        repository = Repository(WorkingTree(self.workspace, self.git_root, self._with_crlf, self._known))
        check_version(repository)
        return repository

    def _with_crlf(self) -> frozenset[str]:
        """Return the manifests that git keeps with CRLF: where they have CRLF on disk too, git has not turned them."""
        if self.git_root is None:
            return frozenset()
        from rollout_spec.integrations.git.command import Plumbing
        from rollout_spec.render.renderer import MANIFESTS

        start = f"{self.prefix}/" if self.prefix else ""
        try:
            told = Plumbing(self.git_root).run("ls-files", "--eol", "-z", "--", f"{start}{MANIFESTS}")
        except UserError:  # git is not there, or does not trust this folder: nobody knows
            return frozenset()
        entries = (entry.partition("\t") for entry in told.split("\0"))
        return frozenset(
            path.removeprefix(start) for kept, _, path in entries if kept.startswith(("i/crlf", "i/mixed"))
        )

    def _known(self) -> tuple[str, ...]:
        """Return the files that git knows, from its root: tracked and new ones, without those that it ignores."""
        if self.known is not None or self.git_root is None:
            return self.known or ()
        try:
            return _files(self.git_root)
        except UserError:  # git is not there, or does not trust this folder
            return ()

    def inside(self, path: str) -> str:
        """Turn a path that a user gave into one in the workspace."""
        absolute = Path(os.path.normpath(self.start / path))
        try:
            return absolute.relative_to(self.workspace).as_posix()
        except ValueError:
            raise UserError(
                f"{path} is not in the workspace {self.workspace}", hint="--repo DIR names another one"
            ) from None


def find_from(start: Path) -> WorkspaceLocation:
    """Find the workspace by walking up from a folder. UserError if there is none."""
    found = around(start)
    if found is None and (start / "HEAD").is_file():
        raise UserError(
            f"nothing is checked out in {start}",
            hint="in a bare repository there are `rollback`, `doctor`, `mirror`, and steps with --pull-request",
        )
    if found is None:
        raise UserError(
            f"this is no rollout repository: there is no {WORKSPACE_FILE} in {start} or above it",
            hint="`rollout-spec init` makes one; --repo DIR names one",
        )
    return found


def around(start: Path) -> WorkspaceLocation | None:
    """Find the workspace that a folder is in; None if it is in none. UserError if its file is a link."""
    for folder in (start, *start.parents):
        refuse_link(folder, WORKSPACE_FILE)
        if (folder / WORKSPACE_FILE).is_file():
            return _place(start, folder)
    return None


def refuse_link(folder: Path, path: str) -> None:
    """UserError if a path below a folder is a link, or goes through one."""
    link = Links(folder).of_file(path)
    if link is not None:
        raise UserError(f"{folder / link} is a link or a submodule, and is not followed", hint=HINT)


def above_workspaces(start: Path) -> WorkspaceLocation | None:
    """Return the whole git repository, for what lies in it and in no workspace; None outside git."""
    git_root = _git_root(start)
    return _place(start, git_root) if git_root is not None else None


def find_all(start: Path) -> list[WorkspaceLocation]:
    """Find every workspace in or below a folder of a git repository; what git ignores is passed over."""
    git_root = _git_root(start)
    if git_root is None:
        raise UserError(f"--all needs git, and {start} is in no git repository")
    known = _files(git_root)
    files = [file for file in known if Path(file).name == WORKSPACE_FILE and (git_root / file).is_relative_to(start)]
    for file in files:
        refuse_link(git_root, file)
    found = [git_root / file for file in files if (git_root / file).is_file()]
    if not found:
        raise UserError(
            f"there is no {WORKSPACE_FILE} in {start} or below it", hint="`rollout-spec init DIR` makes one"
        )
    return [replace(_place(start, file.parent), known=known) for file in found]


def _files(git_root: Path) -> tuple[str, ...]:
    from rollout_spec.integrations.git.repository import Git

    return tuple(Git(git_root).files())


def _git_root(start: Path) -> Path | None:
    return next((folder for folder in (start, *start.parents) if (folder / ".git").exists()), None)


def _place(start: Path, workspace: Path) -> WorkspaceLocation:
    git_root = _git_root(workspace)
    prefix = "" if git_root is None or git_root == workspace else workspace.relative_to(git_root).as_posix()
    return WorkspaceLocation(start, workspace, git_root, prefix)


def _requires(data: Any) -> str | None:
    """Look up what the workspace requires, even where the rest of it is what only another version can read."""
    spec = data.get("spec") if isinstance(data, dict) else None
    wanted = spec.get("requires") if isinstance(spec, dict) else None
    return wanted if isinstance(wanted, str) else None


def check_version(repository: Repository) -> None:
    """UserError if the workspace asks for another version of this tool."""
    file = repository.workspace
    wanted = _requires(file.document.data) if file else None
    if wanted is None:
        return
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        fits = SpecifierSet(wanted).contains(__version__, prereleases=True)
    except InvalidSpecifier:
        return  # that is a finding of check
    if not fits:
        raise UserError(
            f"this workspace requires rollout-spec {wanted}, and this is {__version__}",
            hint=f'pip install "rollout-spec{wanted}"',
        )
