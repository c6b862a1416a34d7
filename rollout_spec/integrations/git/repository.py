"""Git is asked by plumbing commands with checked arguments: nothing is checked out, no hook runs.

What comes from elsewhere is checked, or stands behind ``--``, so that git takes it neither for an option nor for more
than it is. ``plumbing`` starts the commands.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rollout_spec.core.errors import UserError
from rollout_spec.integrations.git.command import ID, GitError, Plumbing, checked, create
from rollout_spec.integrations.git.mirror import workspaces
from rollout_spec.integrations.git.objects import Objects
from rollout_spec.integrations.git.remote import NAME, Remote
from rollout_spec.integrations.git.signing import author, commit_tree, is_signing
from rollout_spec.integrations.git.tree_editor import TreeEditor
from rollout_spec.integrations.git.trees import Trees

_REF = re.compile(r"(?!.*(\.\.|@\{|//|\.lock$|[/.]$))[A-Za-z0-9_][A-Za-z0-9._/@+^~-]{0,254}")
_FEW_COMMITS = 4
_LAST_SECOND = 253_402_300_799
"""The last second of the year 9999."""


@dataclass(frozen=True)
class Commit:
    """One commit of a first-parent history; ``parent`` is None at its root."""

    sha: str
    parent: str | None
    date: datetime
    subject: str


class Git:
    """One repository, by the folder of its clone or bare mirror. Paths are from its root, commits are full ids."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._plumbing = Plumbing(root)
        self._run = self._plumbing.run
        self._objects = Objects(self._plumbing)
        self._trees = Trees(self._objects)
        self._editor = TreeEditor(self._plumbing, self._trees)

    @classmethod
    def create(cls, root: Path, *, bare: bool = False) -> Git:
        """Make a repository whose branch is ``main``; the folder and its files may be there already."""
        create(root, bare=bare)
        return cls(root)

    # What commits hold.

    def commit(self, ref: str) -> str:
        """Return the id of the commit that a name stands for. UserError if there is none."""
        if not _REF.fullmatch(ref):
            raise UserError(f"`{ref[:80]}` is no name that git takes for a commit or branch")
        try:
            return self._run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}").strip()
        except GitError:
            raise UserError(
                f"there is no commit or branch `{ref}` here", hint="fetch it first: `git fetch origin`"
            ) from None

    def merge_base(self, ref: str) -> str | None:
        """Return the commit from which HEAD and ``ref`` parted, None if git does not know one."""
        try:
            return self._run("merge-base", "HEAD", self.commit(ref)).strip() or None
        except GitError:
            return None

    def read(self, commit: str, path: str) -> bytes | None:
        """Return the bytes of a file in a commit, None if there is none; a link or a submodule is no file."""
        entry = self._trees.entry(commit, path)
        return self._objects.blob(entry.oid) if entry is not None and entry.is_file else None

    def names(self, commit: str, folder: str) -> list[str]:
        """Return the names in a folder of a commit, sorted."""
        return sorted(self._trees.folder(commit, "" if folder == "." else folder))

    def link(self, commit: str, path: str) -> str | None:
        """Return the first part of a path in a commit that is a link or a submodule, None if no part is."""
        return self._trees.link(commit, path)

    def is_same(self, commit: str, other: str, path: str) -> bool:
        """Return whether two commits have the same file at a path, or none."""
        return self._trees.entry(commit, path) == self._trees.entry(other, path)

    def folders_with(self, commit: str, name: str) -> tuple[str, ...]:
        """Return the folders of a commit that hold a file of this name, sorted; the root is empty."""
        return workspaces(self._plumbing, checked(commit, ID), name)

    def files(self, folder: str = ".") -> list[str]:
        """Return the files of the working tree below a folder, new ones too, and none that git ignores."""
        words = ("ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", folder)
        return sorted({path for path in self._run(*words).split("\0") if path})

    # History.

    def is_shallow(self) -> bool:
        """Is history cut off here? Then a walk gives wrong answers, not none."""
        return self._run("rev-parse", "--is-shallow-repository").strip() == "true"

    def history(self, commit: str, path: str) -> Iterator[Commit]:
        """Give the commits on the first-parent line that changed a file, newest first.

        A few at first, then more: git walks little further than the reader does, however long the history is.
        """
        start: str | None = checked(commit, ID)
        count = _FEW_COMMITS
        while start is not None:
            wanted = ("log", "--first-parent", f"--max-count={count}", "--format=%H %P%x00%ct%x00%s")
            lines = [line for line in self._run(*wanted, start, "--", path).split("\n") if line]
            start, full, count = None, len(lines) == count, 4 * count
            for line in lines:
                ids, date, subject = line.split("\0", 2)
                sha, *parents = ids.split()
                found = Commit(sha, parents[0] if parents else None, _moment(date), subject)
                start = found.parent if full else None
                yield found

    def added(self, commit: str, folder: str, most: int) -> Iterator[tuple[str, datetime]]:
        """Give the files that the newest ``most`` commits brought into a folder, on the first-parent line, with dates.

        The dates are those of committers and may be wrong, so no walk ends at one. Where history begins, or is cut
        off, nothing is said to have come in.
        """
        wanted = ("log", "--first-parent", "-m", "--no-renames", "--diff-filter=A", "--name-only", "--min-parents=1")
        words = (*wanted, f"--max-count={most}", "--format=%x00%ct", checked(commit, ID), "--", folder)
        for part in self._run(*words).split("\0")[1:]:
            date, *paths = part.split("\n")
            yield from ((path, _moment(date)) for path in paths if path)

    def message(self, commit: str) -> str:
        """Return the whole message of a commit."""
        return self._run("log", "-1", "--format=%B", checked(commit, ID))

    def date(self, commit: str) -> datetime:
        """Return when a commit was made, as its committer says."""
        return _moment(self._run("log", "-1", "--format=%ct", checked(commit, ID)))

    def author(self, commit: str) -> tuple[str, str]:
        """Return the name and address of a commit's author."""
        told = self._run("log", "-1", "--format=%an%x00%ae", checked(commit, ID))
        name, _, address = told.strip().partition("\0")
        return name, address

    def commits_between(self, base: str, commit: str) -> list[str]:
        """Return the commits that lead to one and not to ``base``, newest first."""
        return self._run("rev-list", checked(commit, ID), f"^{checked(base, ID)}").split()

    def parents(self, commit: str) -> list[str]:
        """Return the parents of a commit, the first one first."""
        return self._run("rev-list", "--no-walk", "--parents", checked(commit, ID)).split()[1:]

    def parted(self, one: str, other: str) -> str | None:
        """Return the newest commit that two commits share; None if there is none, or several."""
        try:
            found = self._run("merge-base", "--all", checked(one, ID), checked(other, ID)).split()
        except GitError:
            return None
        return found[0] if len(found) == 1 else None

    def tree_of(self, commit: str) -> str:
        """Return the id of the tree of a commit."""
        return self._run("rev-parse", "--verify", "--quiet", f"{checked(commit, ID)}^{{tree}}").strip()

    def merged_tree(self, one: str, other: str) -> str | None:
        """Return the tree that a merge of two commits has; None if they conflict, or git is older than 2.38."""
        try:
            words = ("merge-tree", "--write-tree", "--no-messages", checked(one, ID), checked(other, ID))
            return self._run(*words).split()[0]
        except GitError:
            return None

    def has(self, commit: str) -> bool:
        """Return whether a commit is in this clone; a partial one fetches nothing to answer that."""
        return self._plumbing.has(commit)

    def holds(self, commit: str, other: str) -> bool:
        """Is ``other`` among the ancestors of a commit?"""
        if not self._plumbing.has(other):
            return False
        try:
            self._run("merge-base", "--is-ancestor", other, checked(commit, ID))
        except GitError:
            return False
        return True

    def diff(self, before: str, after: str) -> str:
        """Return the difference between two commits as a patch."""
        commits = (checked(before, ID), checked(after, ID))
        return self._run("diff-tree", "-p", "-r", "--no-ext-diff", "--no-textconv", "--no-color", *commits)

    # New commits.

    def build(self, parent: str, edits: Mapping[str, bytes | None], message: str, date: datetime) -> str:
        """Make the commit that lays ``edits`` over ``parent``: the same arguments give the same id. No branch moves.

        Where git is configured to sign, it is signed; signatures may hold a time, and the ids then differ. UserError
        where a folder of ``parent`` that a path goes through is a link: git would replace it, with all behind it.
        """
        return commit_tree(self._plumbing, self.tree_with(parent, edits), parent, message, date)

    def tree_with(self, parent: str, edits: Mapping[str, bytes | None]) -> str:
        """Write the tree of a commit with ``edits`` laid over it, and return its id."""
        return self._editor.write(parent, edits)

    @property
    def is_signing(self) -> bool:
        """Does git's configuration ask for signed commits?"""
        return is_signing(self._plumbing)

    def commit_all(self, message: str) -> str:
        """Commit the whole working tree on the branch that is checked out, and return the commit."""
        self._run("add", "--all")
        words = ("commit", "--quiet", "--no-verify", "--no-gpg-sign", "--message", message)
        self._run(*words, environment=author(datetime.now(UTC)))
        return self.commit("HEAD")

    def fast_forward(self, commit: str) -> None:
        """Move the branch that is checked out, and its files, on to a later commit."""
        self._run("merge", "--quiet", "--ff-only", checked(commit, ID))

    # Elsewhere.

    def remote(self, name: str) -> Remote | None:
        """Return a remote by its name, None if there is none."""
        return Remote(self._plumbing, name) if checked(name, NAME) in self._run("remote").split() else None

    def add_remote(self, name: str, url: str) -> Remote:
        """Add a remote."""
        self._run("remote", "add", checked(name, NAME), "--", url)
        return Remote(self._plumbing, name)

    def authorize(self, url: str, user: str, password: str) -> None:
        """Show a password to the remotes on one host (a scheme with a host) that ask for one, and to no other."""
        self._plumbing.authorize(url, user, password)
        self._objects.close()  # the next one may fetch what a partial clone lacks


def _moment(seconds: str) -> datetime:
    """Return the time of a commit, within what a calendar has: anybody may write any number, or none."""
    number = seconds.strip()
    return datetime.fromtimestamp(
        min(int(number[:20]), _LAST_SECOND) if number.isascii() and number.isdigit() else 0, UTC
    )
