"""A commit of a few files of a checkout, built beside the index.

The branch moves only if nobody else moved it. Other staged changes stay staged. No hook runs. The commit is signed if
git is configured to sign. Only the holder of the checkout's lock may call this.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rollout_spec.core.errors import ChangedError, UserError
from rollout_spec.integrations.git.command import GitError, Plumbing
from rollout_spec.integrations.git.committable import check
from rollout_spec.integrations.git.entries import TreeEntry, committed, same, staged
from rollout_spec.integrations.git.folders import common_folder
from rollout_spec.integrations.git.signing import is_signing

_TRIES = 30
_PAUSE = 0.1
_DETACHED = "HEAD"


@dataclass(frozen=True)
class Head:
    """The current branch's ref, ``HEAD`` if detached, and its commit, None before the first one."""

    ref: str
    commit: str | None


class Committing:
    """One checkout. ``holding`` are handles of its lock, which commands that change something inherit."""

    def __init__(self, root: Path, *holding: int) -> None:
        self._plumbing = Plumbing(root)
        self._run = self._plumbing.run
        self._move = Plumbing(root, holding).run
        self._root = root
        self.folder = self._plumbing.folder

    def head(self) -> Head:
        """Return the current branch and commit."""
        try:
            ref = self._run("symbolic-ref", "--quiet", "HEAD").strip()
        except GitError:
            ref = _DETACHED
        return Head(ref, self._commit_of(ref))

    def holds(self, head: Head, commit: str) -> bool:
        """Return whether a branch contains a commit."""
        now = self._commit_of(head.ref)
        if now is None or not self._plumbing.has(commit):
            return False
        try:
            self._run("merge-base", "--is-ancestor", commit, now)
        except GitError:
            return False
        return True

    def moved(self, before: str | None, paths: Sequence[str]) -> bool:
        """Return whether HEAD has other files at these paths than an earlier commit."""
        now = self._commit_of("HEAD")
        return now != before and committed(self._run, before, paths) != committed(self._run, now, paths)

    def check(self, head: Head, paths: Sequence[str]) -> set[str]:
        """Return the files that a sparse checkout leaves out. UserError if the files cannot be committed."""
        return check(self._plumbing, head.commit, paths)

    def build(
        self, head: Head, edits: Mapping[str, bytes | None], left_out: set[str], message: str, parts: Path
    ) -> str:
        """Commit files as they are on disk, and return the commit's id. No branch moves.

        ``parts`` is a folder for unfinished files. The caller compares the files with ``edits`` afterwards.
        """
        environment = {"GIT_INDEX_FILE": str(parts / f"{os.getpid()}-{time.time_ns()}.index")}
        self._run("read-tree", *([head.commit] if head.commit else ["--empty"]), environment=environment)
        on_disk = "".join(f"{path}\0" for path in edits if path not in left_out)
        if on_disk:
            arguments = ("update-index", "--add", "--remove", "-z", "--stdin")
            self._run(*arguments, stdin=on_disk.encode(), environment=environment, action="git commit failed")
        for path in sorted(left_out & set(edits)):
            self._stage(path, edits[path], environment)
        tree = self._run("write-tree", "--missing-ok", environment=environment).strip()
        parent = ("-p", head.commit) if head.commit else ()
        sign = ("-S",) if is_signing(self._plumbing) else ()
        arguments = ("commit-tree", tree, *parent, *sign)
        return self._run(*arguments, stdin=message.encode(), action="git commit failed").strip()

    def move(self, head: Head, commit: str, message: str) -> None:
        """Move the branch to a commit. ChangedError if the branch moved, or another one is checked out."""
        initial = "" if head.commit else " (initial)"
        note = f"commit{initial}: {message.partition(chr(10))[0]}"
        options = ("--no-deref",) if head.ref == _DETACHED else ()
        arguments = ("update-ref", "-m", note, *options, head.ref, commit, head.commit or "0" * len(commit))
        for attempt in range(1, _TRIES + 1):
            if self.head() != head:
                raise ChangedError("HEAD")
            try:
                self._move(*arguments, action="git commit failed")
                return
            except GitError:
                if attempt == _TRIES and self.head() == head:
                    raise
            time.sleep(_PAUSE)
        raise ChangedError("HEAD")

    def check_index_free(self) -> None:
        """Wait until no other git writes the index. UserError if that takes too long."""
        lock = self.folder / "index.lock"
        for _ in range(_TRIES):
            if not lock.exists():
                return
            time.sleep(_PAUSE)
        raise UserError(
            f"{lock} exists: another git is running here, or was killed",
            hint=f"if no git runs here, remove {lock}",
            status=1,
        )

    def bring_along(self, before: str | None, commit: str, paths: Sequence[str]) -> None:
        """Update the index entries of these files to a commit, unless others were staged. Flags stay."""
        old, new = committed(self._run, before, paths), committed(self._run, commit, paths)
        now = staged(self._run, paths)
        paths = [path for path in paths if same(now.get(path), old.get(path)) and old.get(path) != new.get(path)]
        marks = {option: self._marked(now, new, paths, option) for option in ("--skip-worktree", "--assume-unchanged")}
        if any(marks.values()):
            self._write_marked(new, paths, {option: marked for option, marked in marks.items() if marked})
        elif paths:
            gone = f"0 {'0' * len(commit)}"
            lines = (f"{entry.mode} {entry.oid}" if (entry := new.get(path)) else gone for path in paths)
            text = "".join(f"{line}\t{path}\0" for line, path in zip(lines, paths, strict=True))
            self._write_index("update-index", "-z", "--index-info", stdin=text.encode())

    def _marked(
        self, now: Mapping[str, TreeEntry], new: Mapping[str, TreeEntry], paths: Sequence[str], option: str
    ) -> list[str]:
        has = "skip" if option == "--skip-worktree" else "assume"
        return [path for path in paths if path in new and path in now and getattr(now[path], has)]

    def _write_marked(self, new: Mapping[str, TreeEntry], paths: Sequence[str], marks: Mapping[str, list[str]]) -> None:
        """Write entries with their flags. One git writes both, so none is lost if it is killed."""
        arguments = ["update-index", "--add"]
        for path in paths:
            entry = new.get(path)
            arguments += ("--cacheinfo", f"{entry.mode},{entry.oid},{path}") if entry else ()
        arguments += ("--force-remove", *gone) if (gone := [f"./{path}" for path in paths if path not in new]) else ()
        for option, marked in marks.items():
            self._write_index(*arguments, option, *(f"./{path}" for path in marked))
            arguments = ["update-index"]

    def lock_files(self, head: Head) -> Iterator[Path]:
        """Yield the lock files that a killed command may have left."""
        yield from (self.folder / "index.lock", self.folder / "HEAD.lock")
        if head.ref != _DETACHED:
            yield common_folder(self.folder) / f"{head.ref}.lock"

    def _write_index(self, *arguments: str, stdin: bytes | None = None) -> None:
        for attempt in range(1, _TRIES + 1):
            try:
                self._move(*arguments, stdin=stdin)
                return
            except GitError as error:
                if attempt == _TRIES or "index.lock" not in error.reason:
                    raise
            time.sleep(_PAUSE)  # another git writes the index now

    def _commit_of(self, ref: str) -> str | None:
        try:
            return self._run("rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}").strip()
        except GitError:
            return None

    def _stage(self, path: str, content: bytes | None, environment: Mapping[str, str]) -> None:
        """Stage a file that is not on disk."""
        if content is None:
            self._run("update-index", "--force-remove", "--", path, environment=environment)
            return
        oid = self._run("hash-object", "-w", f"--path={path}", "--stdin", stdin=content).strip()
        entry = staged(self._run, [path]).get(path)
        mode = entry.mode if entry else "100644"
        self._run("update-index", "--add", "--cacheinfo", f"{mode},{oid},{path}", environment=environment)
