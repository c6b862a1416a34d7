"""Merges in a bare repository.

Nothing is checked out, and a branch moves only from an expected commit.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from rollout_spec.core.errors import UserError
from rollout_spec.core.text import join_some
from rollout_spec.integrations.git.command import ID, GitError, Plumbing, checked
from rollout_spec.integrations.git.remote import NAME
from rollout_spec.integrations.git.signing import author

_CONFLICT = 1
_MOST_NAMED = 3


@dataclass(frozen=True)
class Merge:
    """A merge: the commit on the base, and the commit of the branch that was merged."""

    sha: str
    head: str


class Bare:
    """The branches of a bare repository."""

    def __init__(self, root: Path) -> None:
        self._run = Plumbing(root).run

    def branch(self, name: str) -> str | None:
        """Return the commit of a branch, None if there is no such branch."""
        try:
            ref = f"refs/heads/{checked(name, NAME)}^{{commit}}"
            return self._run("rev-parse", "--verify", "--quiet", "--end-of-options", ref).strip()
        except GitError:
            return None

    def contains(self, branch: str, commit: str) -> bool:
        """Return whether a branch contains a commit."""
        tip = self.branch(branch)
        if tip is None or not ID.fullmatch(commit):
            return False
        try:
            self._run("merge-base", "--is-ancestor", commit, tip)
        except GitError:
            return False
        return True

    def merge(self, branch: str, base: str, message: str, moment: datetime) -> Merge:
        """Merge a branch into a base by a merge commit.

        UserError with status 1 if they conflict, if one of them is missing, if there is nothing to merge, or if the
        base moves meanwhile.
        """
        head, before = self._tip(branch), self._tip(base)
        if self.contains(base, head):
            raise UserError(
                f"{branch} is at {head[:12]}, which is on {base} already: there is nothing to merge",
                hint="push its commits again, or close the pull request",
                status=1,
            )
        tree = self._tree(before, head, branch, base)
        arguments = ("commit-tree", tree, "-p", before, "-p", head)
        sha = self._run(*arguments, stdin=message.encode(), environment=author(moment)).strip()
        try:
            self._run("update-ref", "-m", f"merge {branch}", f"refs/heads/{base}", sha, before)
        except GitError:
            if self.branch(base) == before:
                raise
            raise UserError(f"{base} moved during the merge", hint="run it again", status=1) from None
        return Merge(sha, head)

    def changes(self, branch: str, base: str) -> str:
        """Return the changes of a branch since it left its base, as a patch."""
        head, tip = self._tip(branch), self._tip(base)
        start = self._run("merge-base", tip, head).strip()
        return self._run("diff-tree", "-p", "-r", "--no-ext-diff", "--no-textconv", "--no-color", start, head)

    def _tip(self, name: str) -> str:
        commit = self.branch(name)
        if commit is None:
            raise UserError(f"no branch {name} in the bare repository", hint="push it first", status=1)
        return commit

    def _tree(self, before: str, head: str, branch: str, base: str) -> str:
        """Return the tree of the merge."""
        arguments = ("merge-tree", "--write-tree", "--name-only", "--no-messages", before, head)
        try:
            return self._run(*arguments, action="git merge-tree failed (it needs git 2.38 or later)").strip()
        except GitError as error:
            if error.code != _CONFLICT:
                raise
            paths = [line for line in error.output.split("\n")[1:] if line]
            where = f" in {join_some(paths, _MOST_NAMED)}" if paths else ""
            raise UserError(
                f"{branch} conflicts with {base}{where}",
                hint=f"merge {base} into {branch}, or rebase it, and push it again",
                status=1,
            ) from None
