"""Commits, history and branches of one git repository, read and built by plumbing commands.

Nothing is checked out and no hook runs. Each argument from elsewhere is checked or follows ``--``, so that git takes it
for no option. ``command`` starts the processes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rollout_spec.core.errors import UserError
from rollout_spec.integrations.git.command import ID, GitError, Plumbing, checked, create
from rollout_spec.integrations.git.commit_time import commit_time
from rollout_spec.integrations.git.mirror import workspaces
from rollout_spec.integrations.git.objects import Objects
from rollout_spec.integrations.git.remote import NAME, Remote
from rollout_spec.integrations.git.signing import author, commit_tree, is_signing
from rollout_spec.integrations.git.tree_editor import TreeEditor
from rollout_spec.integrations.git.trees import Trees

_REF = re.compile(r"(?!.*(\.\.|@\{|//|\.lock$|[/.]$))[A-Za-z0-9_][A-Za-z0-9._/@+^~-]{0,254}")
_FEW_COMMITS = 4


@dataclass(frozen=True)
class Commit:
    """One commit of a first-parent history; ``parent`` is None at its root."""

    sha: str
    parent: str | None
    date: datetime
    subject: str


class Git:
    """A clone or bare mirror, by its folder. Paths are from its root, commits are full ids."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.plumbing = Plumbing(root)
        self._run = self.plumbing.run
        self._objects = Objects(self.plumbing)
        self._sizes = Objects(self.plumbing, sizes=True)
        self._trees = Trees(self._objects, self._sizes)
        self._editor = TreeEditor(self.plumbing, self._trees)
        self._is_shallow: bool | None = None

    @classmethod
    def create(cls, root: Path, *, bare: bool = False) -> Git:
        """Create a repository with the branch ``main``. The folder and its files may exist already."""
        create(root, bare=bare)
        return cls(root)

    def commit(self, ref: str) -> str:
        """Return the id of the commit that a ref names. UserError if there is none."""
        if not _REF.fullmatch(ref):
            raise UserError(f"`{ref[:80]}` is not a valid name of a commit or branch")
        try:
            return self._run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}").strip()
        except GitError:
            raise UserError(
                f"no commit or branch `{ref}` in this clone", hint="fetch it first: `git fetch origin`"
            ) from None

    def merge_base(self, ref: str) -> str | None:
        """Return the merge base of HEAD and ``ref``, None if git finds none."""
        try:
            return self._run("merge-base", "HEAD", self.commit(ref)).strip() or None
        except GitError:
            return None

    def read(self, commit: str, path: str) -> bytes | None:
        """Return the content of a file in a commit, None if absent. A link or a submodule is not a file."""
        entry = self._trees.entry(commit, path)
        return self._objects.blob(entry.oid) if entry is not None and entry.is_file else None

    def size(self, commit: str, path: str) -> int:
        """Return the size of a file in a commit in bytes, without reading it; 0 if absent."""
        entry = self._trees.entry(commit, path)
        return self._sizes.size(entry.oid) if entry is not None and entry.is_file else 0

    def names(self, commit: str, folder: str) -> list[str]:
        """Return the names in a folder of a commit, sorted."""
        return sorted(self._trees.folder(commit, "" if folder == "." else folder))

    def has_large_folder(self, commit: str, folder: str, most: int) -> bool:
        """Return whether a folder, or one above it, has more than ``most`` bytes."""
        return self._trees.has_large_folder(commit, "" if folder == "." else folder, most)

    def link(self, commit: str, path: str) -> str | None:
        """Return the first part of a path in a commit that is a link or a submodule, or None."""
        return self._trees.link(commit, path)

    def is_same(self, commit: str, other: str, path: str) -> bool:
        """Return whether two commits have the same file at a path, or both none."""
        return self._trees.entry(commit, path) == self._trees.entry(other, path)

    def folders_with(self, commit: str, name: str) -> tuple[str, ...]:
        """Return the sorted folders of a commit that contain a file of this name; the root is ``""``."""
        return workspaces(self.plumbing, checked(commit, ID), name)

    def files(self, folder: str = ".") -> list[str]:
        """Return the tracked and untracked files below a folder of the working tree, without ignored ones."""
        arguments = ("ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", folder)
        return sorted({path for path in self._run(*arguments).split("\0") if path})

    # History.

    def is_shallow(self) -> bool:
        """Return whether this clone is shallow. A walk through its history gives wrong results."""
        if self._is_shallow is None:
            self._is_shallow = self._run("rev-parse", "--is-shallow-repository").strip() == "true"
        return self._is_shallow

    def history(self, commit: str, path: str) -> Iterator[Commit]:
        """Yield the first-parent commits that changed a file, newest first, read in growing batches."""
        start: str | None = checked(commit, ID)
        count = _FEW_COMMITS
        while start is not None:
            wanted = ("log", "--first-parent", f"--max-count={count}", "--format=%H %P%x00%ct%x00%s")
            lines = [line for line in self._run(*wanted, start, "--", path).split("\n") if line]
            start, full, count = None, len(lines) == count, 4 * count
            for line in lines:
                ids, date, subject = line.split("\0", 2)
                sha, *parents = ids.split()
                found = Commit(sha, parents[0] if parents else None, commit_time(date), subject)
                start = found.parent if full else None
                yield found

    def added(self, commit: str, folder: str, most: int) -> Iterator[tuple[str, datetime]]:
        """Yield the files that the newest ``most`` first-parent commits added to a folder, with their dates.

        The dates are those of committers and may be wrong, so no walk ends at one. The first commit, or the first one
        of a shallow clone, adds nothing.
        """
        wanted = ("log", "--first-parent", "-m", "--no-renames", "--diff-filter=A", "--name-only", "--min-parents=1")
        arguments = (*wanted, f"--max-count={most}", "--format=%x00%ct", checked(commit, ID), "--", folder)
        for part in self._run(*arguments).split("\0")[1:]:
            date, *paths = part.split("\n")
            yield from ((path, commit_time(date)) for path in paths if path)

    def message(self, commit: str) -> str:
        """Return the whole message of a commit."""
        return self._run("log", "-1", "--format=%B", checked(commit, ID))

    def date(self, commit: str) -> datetime:
        """Return the committer's date of a commit."""
        return commit_time(self._run("log", "-1", "--format=%ct", checked(commit, ID)))

    def author(self, commit: str) -> tuple[str, str]:
        """Return the name and address of a commit's author."""
        output = self._run("log", "-1", "--format=%an%x00%ae", checked(commit, ID))
        name, _, address = output.strip().partition("\0")
        return name, address

    def commits_between(self, base: str, commit: str) -> list[str]:
        """Return the ancestors of a commit, itself included, that are not ancestors of ``base``, newest first."""
        return self._run("rev-list", checked(commit, ID), f"^{checked(base, ID)}").split()

    def parents(self, commit: str) -> list[str]:
        """Return the parents of a commit, the first one first."""
        return self._run("rev-list", "--no-walk", "--parents", checked(commit, ID)).split()[1:]

    def parted(self, one: str, other: str) -> str | None:
        """Return the only merge base of two commits; None if there is none, or several."""
        try:
            bases = self._run("merge-base", "--all", checked(one, ID), checked(other, ID)).split()
        except GitError:
            return None
        return bases[0] if len(bases) == 1 else None

    def tree_of(self, commit: str) -> str:
        """Return the id of the tree of a commit."""
        return self._run("rev-parse", "--verify", "--quiet", f"{checked(commit, ID)}^{{tree}}").strip()

    def merged_tree(self, one: str, other: str) -> str | None:
        """Return the tree of a merge of two commits; None if they conflict, or git is older than 2.38."""
        try:
            arguments = ("merge-tree", "--write-tree", "--no-messages", checked(one, ID), checked(other, ID))
            return self._run(*arguments).split()[0]
        except GitError:
            return None

    def has(self, commit: str) -> bool:
        """Return whether a commit is in this clone. A partial clone does not fetch it."""
        return self.plumbing.has(commit)

    def holds(self, commit: str, other: str) -> bool:
        """Return whether ``other`` is a commit or one of its ancestors."""
        if not self.plumbing.has(other):
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

    def build(self, parent: str, edits: Mapping[str, bytes | None], message: str, date: datetime) -> str:
        """Build a commit with ``edits`` applied to ``parent``. No branch moves.

        The same arguments give the same id. It is signed if git is configured to sign. Signatures may contain a time,
        and then the ids differ. UserError if a path goes through a link in ``parent``, which git would replace.
        """
        return commit_tree(self.plumbing, self.tree_with(parent, edits), parent, message, date)

    def tree_with(self, parent: str, edits: Mapping[str, bytes | None]) -> str:
        """Write the tree of a commit with ``edits`` applied, and return its id."""
        return self._editor.write(parent, edits)

    @property
    def is_signing(self) -> bool:
        """Return whether git is configured to sign commits."""
        return is_signing(self.plumbing)

    def commit_all(self, message: str) -> str:
        """Commit the whole working tree on the current branch, and return the commit."""
        self._run("add", "--all")
        arguments = ("commit", "--quiet", "--no-verify", "--no-gpg-sign", "--message", message)
        self._run(*arguments, environment=author(datetime.now(UTC)))
        return self.commit("HEAD")

    def fast_forward(self, commit: str) -> None:
        """Fast-forward the current branch and its files to a later commit."""
        self._run("merge", "--quiet", "--ff-only", checked(commit, ID))

    def remote(self, name: str) -> Remote | None:
        """Return a remote by its name, None if absent."""
        return Remote(self.plumbing, name) if checked(name, NAME) in self._run("remote").split() else None

    def add_remote(self, name: str, url: str) -> Remote:
        """Add a remote."""
        self._run("remote", "add", checked(name, NAME), "--", url)
        return Remote(self.plumbing, name)

    def authorize(self, url: str, user: str, password: str) -> None:
        """Send a password to remotes on one host that ask for it. ``url`` is a scheme with a host."""
        self.plumbing.authorize(url, user, password)
        for objects in (self._objects, self._sizes):
            objects.close()  # the next process may fetch objects that a partial clone lacks
