"""Changes of a checkout: one command at a time, all files or none.

Nothing is written if somebody else changed the files. A writer holds a lock: of the worktree's git folder, or of the
workspace outside git. Editors and plain git do not take it, so files and HEAD are compared before each write.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from rollout_spec.core.errors import OUTSIDE, ChangedError, UserError, disk_error
from rollout_spec.core.locks import Tell, locked
from rollout_spec.core.signals import uninterrupted
from rollout_spec.integrations.git.folders import clear_locks, git_folder
from rollout_spec.workspace import journal
from rollout_spec.workspace.files import Expected, read, refuse_links, remove, write
from rollout_spec.workspace.journal import Journal

if TYPE_CHECKING:
    from rollout_spec.integrations.git.commit import Committing, Head

T = TypeVar("T")
Edits = Mapping[str, bytes | None]

_TRIES = 5
_PARTS, _PARTS_OUTSIDE = "rollout-spec", ".rollout-spec-unfinished"


@dataclass(frozen=True)
class CheckedOutCommit:
    """A commit on a head, with its message. ``left_out`` are files that are not written to disk."""

    head: Head
    message: str
    left_out: frozenset[str] = frozenset()


class Checkout:
    """The files below ``root``, locked by ``handle``.

    ``parts`` is the folder for unfinished files and the journal.
    """

    def __init__(self, root: Path, parts: Path, handle: int, tell: Tell, *, has_git: bool) -> None:
        self.root = root
        self._parts = parts
        self._handle = handle
        self._tell = tell
        self._has_git = has_git

    def git(self) -> Committing:
        """Return the git of this checkout. UserError if there is none."""
        from rollout_spec.integrations.git.commit import Committing

        return Committing(self.root, self._handle)

    def put(self, path: str, content: bytes | None, expected: Expected) -> None:
        """Write or remove one file. ChangedError if it is not as expected."""
        if content is None:
            remove(self.root, path, expected=expected)
        else:
            write(self.root, path, content, parts=self._folder(), expected=expected)

    def apply(self, edits: Edits, before: Mapping[str, Expected], head: str | None = None) -> None:
        """Write and remove all files, or none. ``head`` is the current commit."""
        refuse_links(self.root, edits)
        pending = Journal.begin(self._folder(), self.root, edits, {"head": head})
        try:
            self._put_all(edits, before)
        except BaseException as error:
            self._give_up(pending, error)
            raise
        with uninterrupted():
            pending.end()

    def commit(self, edits: Edits, before: Mapping[str, Expected], commit: CheckedOutCommit) -> str:
        """Write files and commit them, or do neither. Return the commit.

        The files come first: a process that is killed before the branch moves leaves uncommitted changes, and never a
        branch with the files of an earlier commit.
        """
        git, head, is_committed = self.git(), commit.head, False
        on_disk = {path: content for path, content in edits.items() if path not in commit.left_out}
        refuse_links(self.root, on_disk)
        pending = Journal.begin(self._folder(), self.root, on_disk, {"head": head.commit, "ref": head.ref})
        try:
            self._put_all(on_disk, before)
            sha = git.build(head, edits, set(commit.left_out), commit.message, self._folder())
            for path, content in on_disk.items():
                if read(self.root / path) != content:  # the commit may contain another writer's content
                    raise ChangedError(str(self.root / path))
            git.check_index_free()
            with uninterrupted():
                pending = pending.noted({"commit": sha})
                git.move(head, sha, commit.message)
                is_committed = True
                self._finish(pending, git, list(edits))
        except BaseException as error:
            if is_committed:
                self._tell(f"{sha} is committed")
            else:
                self._give_up(pending, error)
            raise
        return sha

    def recover(self) -> None:
        """Finish or undo the changes of a killed command."""
        if self._parts.is_symlink() or not self._parts.exists():
            return
        try:
            pending = journal.find(self._parts, self.root)
        except UserError as error:
            self._tell(f"{error.message}; its files are left unchanged")
            pending = None
        with uninterrupted():
            if pending is None or self._settle(pending):
                journal.clear(self._parts)

    def _settle(self, pending: Journal) -> bool:
        """Finish or undo the changes of a killed process. Return False if the next command must do it."""
        paths = [entry.path for entry in pending.entries]
        names = ", ".join(paths)
        head, ref, commit = (pending.facts.get(name) for name in ("head", "ref", "commit"))
        if self._has_git and ref is not None:
            from rollout_spec.integrations.git.commit import Head

            git, before = self.git(), Head(ref, head)
            for lock in clear_locks(git.lock_files(before)):
                self._tell(f"removed {lock}: its git was killed")
            if commit is not None and git.holds(before, commit):
                self._finish(pending, git, paths)
                self._tell(f"a command was killed after it committed {commit[:12]}; nothing is lost")
                return True
        if self._has_git and head is not None and self.git().moved(head, paths):
            self._tell(f"a command was killed while it changed {names}; they were committed since and stay unchanged")
            return True
        changed = pending.take_back()
        if changed is None:
            self._tell(f"a command was killed while it changed {names}; they were edited since and stay unchanged")
        elif changed:
            self._tell(f"a command was killed; {', '.join(changed)} {'was' if len(changed) == 1 else 'were'} restored")
        return True

    def _finish(self, pending: Journal, git: Committing, paths: list[str]) -> None:
        """Update the index to a commit on the branch. If that fails, the next command does it."""
        commit = pending.facts["commit"]
        assert commit is not None
        try:
            git.bring_along(pending.facts["head"], commit, paths)
        except UserError as error:
            self._tell(f"{commit[:12]} is committed, but git's index is not up to date: {error.message}")
            return
        pending.end()

    def _give_up(self, pending: Journal, error: BaseException) -> None:
        """Undo the writes after an error or a signal."""
        with uninterrupted():
            paths = [entry.path for entry in pending.entries]
            head = pending.facts.get("head")
            if isinstance(error, ChangedError) and self._has_git and head and self.git().moved(head, paths):
                pending.end()  # another process committed the written files
                return
            restored = pending.take_back()
            pending.end()
            if restored is None:
                self._tell(f"{', '.join(paths)}: changed meanwhile by another process, and left unchanged")
            elif isinstance(error, KeyboardInterrupt):
                self._tell("nothing was changed: the files were restored")

    def _put_all(self, edits: Edits, before: Mapping[str, Expected]) -> None:
        for path, content in edits.items():
            self.put(path, content, before.get(path, ...))

    def _folder(self) -> Path:
        try:
            self._parts.mkdir(exist_ok=True)
        except OSError as error:
            raise disk_error(error, f"cannot create {self._parts}", status=OUTSIDE) from None
        if self._parts.is_symlink():
            raise UserError(f"{self._parts} is a symbolic link", hint="remove it")
        return self._parts


@contextmanager
def open_checkout(workspace: Path, git_root: Path | None, tell: Tell) -> Iterator[Checkout]:
    """Lock a checkout and recover from killed commands. Paths are from its git root, if it has one."""
    folder = git_folder(git_root) if git_root is not None else None
    root = git_root if git_root is not None and folder is not None else workspace
    parts = folder / _PARTS if folder is not None else workspace / _PARTS_OUTSIDE
    with locked(folder or workspace, tell) as handle:
        checkout = Checkout(root, parts, handle, tell, has_git=folder is not None)
        checkout.recover()
        try:
            yield checkout
        finally:
            if not (parts / "journal.json").exists():
                journal.clear(parts)


def retry_if_changed(attempt: Callable[[], T]) -> T:
    """Call a function again, a few times, if it raises ChangedError."""
    for _ in range(_TRIES - 1):
        try:
            return attempt()
        except ChangedError:
            continue
    return attempt()
