"""Changes of a checkout: one command at a time, whole or not at all, and only if nobody else changed it meanwhile.

Whoever writes holds a lock: of the worktree's git folder, or of the workspace outside git. Editors and plain git do not
take it, so that files and HEAD are compared before anything moves.
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
    """What is committed: on which head, with which message. ``left_out`` are files that are not put on disk."""

    head: Head
    message: str
    left_out: frozenset[str] = frozenset()


class Checkout:
    """The files below ``root``, locked by ``handle``. ``parts`` is the folder for unfinished files and the journal."""

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
        """Write and remove files, all of them or none. ``head`` is the commit that is checked out."""
        refuse_links(self.root, edits)
        begun = Journal.begin(self._folder(), self.root, edits, {"head": head})
        try:
            self._put_all(edits, before)
        except BaseException as error:
            self._give_up(begun, error)
            raise
        with uninterrupted():
            begun.end()

    def commit(self, edits: Edits, before: Mapping[str, Expected], commit: CheckedOutCommit) -> str:
        """Write files and commit them, or do neither; return the commit.

        The files come first: a process that is killed before the branch moves leaves changes that are not committed,
        and never a branch whose files are those of the commit before.
        """
        git, head, landed = self.git(), commit.head, False
        on_disk = {path: content for path, content in edits.items() if path not in commit.left_out}
        refuse_links(self.root, on_disk)
        begun = Journal.begin(self._folder(), self.root, on_disk, {"head": head.commit, "ref": head.ref})
        try:
            self._put_all(on_disk, before)
            made = git.build(head, edits, set(commit.left_out), commit.message, self._folder())
            for path, content in on_disk.items():
                if read(self.root / path) != content:  # the commit may hold what somebody else wrote
                    raise ChangedError(str(self.root / path))
            git.check_index_free()
            with uninterrupted():
                begun = begun.noted({"commit": made})
                git.move(head, made, commit.message)
                landed = True
                self._finish(begun, git, list(edits))
        except BaseException as error:
            if landed:
                self._tell(f"{made} is committed")
            else:
                self._give_up(begun, error)
            raise
        return made

    def recover(self) -> None:
        """Finish, or take back, what a command that was killed has left."""
        if self._parts.is_symlink() or not self._parts.exists():
            return
        try:
            found = journal.find(self._parts, self.root)
        except UserError as error:
            self._tell(f"{error.message}; what it was about is left as it is")
            found = None
        with uninterrupted():
            if found is None or self._settle(found):
                journal.clear(self._parts)

    def _settle(self, found: Journal) -> bool:
        """Finish or take back a step whose process was killed; False if that is left to the next command."""
        paths = [entry.path for entry in found.entries]
        names = ", ".join(paths)
        head, ref, commit = (found.facts.get(name) for name in ("head", "ref", "commit"))
        if self._has_git and ref is not None:
            from rollout_spec.integrations.git.commit import Head

            git, before = self.git(), Head(ref, head)
            for lock in clear_locks(git.lock_files(before)):
                self._tell(f"removed {lock}: its git was killed")
            if commit is not None and git.holds(before, commit):
                self._finish(found, git, paths)
                self._tell(f"a command was killed after it had committed {commit[:12]}; nothing is lost")
                return True
        if self._has_git and head is not None and self.git().moved(head, paths):
            self._tell(f"a command was killed while it changed {names}; that was committed since, and is left as it is")
            return True
        changed = found.take_back()
        if changed is None:
            self._tell(
                f"a command was killed while it changed {names}; others did since, and they are left as they are"
            )
        elif changed:
            self._tell(
                f"a command was killed; {', '.join(changed)} {'is' if len(changed) == 1 else 'are'} as before it"
            )
        return True

    def _finish(self, begun: Journal, git: Committing, paths: list[str]) -> None:
        """Bring the index along with a commit that is on the branch. If that fails, the next command does it."""
        commit = begun.facts["commit"]
        assert commit is not None
        try:
            git.bring_along(begun.facts["head"], commit, paths)
        except UserError as error:
            self._tell(f"{commit[:12]} is committed, and git's index is not up to date: {error.message}")
            return
        begun.end()

    def _give_up(self, begun: Journal, error: BaseException) -> None:
        """Take back what was written, because of an error or a signal."""
        with uninterrupted():
            paths = [entry.path for entry in begun.entries]
            head = begun.facts.get("head")
            if isinstance(error, ChangedError) and self._has_git and head and self.git().moved(head, paths):
                begun.end()  # somebody committed what was written here
                return
            taken = begun.take_back()
            begun.end()
            if taken is None:
                self._tell(f"{', '.join(paths)}: somebody changed them meanwhile, and they are left as they are")
            elif isinstance(error, KeyboardInterrupt):
                self._tell("nothing was changed: the files are as they were")

    def _put_all(self, edits: Edits, before: Mapping[str, Expected]) -> None:
        for path, content in edits.items():
            self.put(path, content, before.get(path, ...))

    def _folder(self) -> Path:
        try:
            self._parts.mkdir(exist_ok=True)
        except OSError as error:
            raise disk_error(error, f"{self._parts} cannot be made", status=OUTSIDE) from None
        if self._parts.is_symlink():
            raise UserError(f"{self._parts} is a symbolic link", hint="remove it")
        return self._parts


@contextmanager
def open_checkout(workspace: Path, git_root: Path | None, tell: Tell) -> Iterator[Checkout]:
    """Lock a checkout, and recover what a killed command has left in it. Paths are from its git root, if it has one."""
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
    """Do something that compares before it writes; do it again a few times if somebody else was faster."""
    for _ in range(_TRIES - 1):
        try:
            return attempt()
        except ChangedError:
            continue
    return attempt()
