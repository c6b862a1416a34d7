"""A step as it is written: into the working tree or a commit, if nothing that it was derived from has changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rollout_spec.core.errors import ChangedError, UserError
from rollout_spec.core.yaml.reader import MAX_BYTES
from rollout_spec.workflows.locate import WorkspaceLocation
from rollout_spec.workspace.watched import Watched

if TYPE_CHECKING:
    from rollout_spec.workflows.checkout import Checkout
    from rollout_spec.workspace.files import Expected


@dataclass(frozen=True)
class Written:
    """What is written, and what it was derived from: a tree, and the commit that is checked out."""

    here: WorkspaceLocation
    tree: Watched
    edits: Mapping[str, bytes | None]
    head: str | None

    def apply(self, checkout: Checkout) -> None:
        """Write the files. ChangedError if something is not as it was read."""
        self.tree.check_unchanged()
        in_git = checkout.root == self.here.git_root
        start = self.here.prefix if in_git else ""
        checkout.apply(_below(start, self.edits), self._before(start), self.head if in_git else None)

    def commit(self, words: str, checkout: Checkout | None) -> str | None:
        """Write the files and commit them. ChangedError if something is not as it was read."""
        from rollout_spec.integrations.git.commit import Committing
        from rollout_spec.workflows.checkout import CheckedOutCommit

        root, start = git_root(self.here, "--commit"), self.here.prefix
        git = checkout.git() if checkout is not None else Committing(root)
        head = git.head()
        if head.commit != self.head:
            raise ChangedError("HEAD")
        edits = _below(start, self.edits)
        left_out = git.check(head, list(edits))
        if checkout is None:
            return None
        self.tree.check_unchanged()
        return checkout.commit(edits, self._before(start), CheckedOutCommit(head, words, frozenset(left_out)))

    def _before(self, start: str) -> dict[str, Expected]:
        """Return what each file holds; a file that is too long to be read whole may hold anything."""
        contents = {path: self.tree.read(path) for path in self.edits}
        return {
            path: ... if content is not None and len(content) > MAX_BYTES else content
            for path, content in _below(start, contents).items()
        }


def _below(folder: str, files: Mapping[str, bytes | None]) -> dict[str, bytes | None]:
    """Return files by their paths from the git root."""
    return {f"{folder}/{path}" if folder else path: content for path, content in files.items()}


def git_root(here: WorkspaceLocation, option: str) -> Path:
    """Return the git repository of a workspace. UserError if it is in none; ``option`` needs it."""
    if here.git_root is None:
        raise UserError(f"{option} needs git, and this workspace is in no git repository", hint="git init")
    return here.git_root
