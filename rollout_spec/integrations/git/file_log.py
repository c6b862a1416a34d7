"""The first-parent log of files: who changed them and when, and which contents came and went.

Everything in a commit is text from anybody. Its fields end with NUL, which no field can contain.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from rollout_spec.core.text import one_line
from rollout_spec.integrations.git.command import ID, GitError, Plumbing, checked
from rollout_spec.integrations.git.commit_time import commit_time
from rollout_spec.integrations.git.objects import Objects

TRAILERS = ("Rollout-Step", "Rollout-Forced", "Rollback-Of", "Breach-Id")
_VALUES = "%x00".join(f"%(trailers:key={name},valueonly,unfold,separator=%x1f)" for name in TRAILERS)
_FORMAT = f"%x00%H%x00%P%x00%ct%x00%an%x00%ae%x00%s%x00{_VALUES}%x00"
_FIELDS = 6 + len(TRAILERS)
_LONGEST = 400
_ABSENT = "0"
_MOST_SECONDS = 30.0


@dataclass(frozen=True)
class FileChange:
    """The change of one path: the ids of its contents before and after. None if it was no file."""

    path: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class LoggedCommit:
    """One commit of a log. Its texts are printable and short.

    ``trailers`` has the first value of each trailer.
    """

    sha: str
    parents: tuple[str, ...]
    date: datetime
    author: str
    address: str
    subject: str
    trailers: dict[str, str]
    changes: tuple[FileChange, ...] = ()


class FileLog:
    """The log of files of one repository, and their contents by id. One process reads all contents."""

    def __init__(self, plumbing: Plumbing) -> None:
        self._plumbing = plumbing
        self._objects = Objects(plumbing)

    def content(self, oid: str) -> bytes:
        """Return the content of a file by its id."""
        return self._objects.blob(oid)

    def commits(self, commit: str, path: str, most: int | None = None) -> list[LoggedCommit]:
        """Return the newest first-parent commits that changed a file or a folder, newest first."""
        count = () if most is None else (f"--max-count={most}",)
        diff = ("--root", "--raw", "--no-abbrev", "--no-renames", "--diff-merges=first-parent")
        wanted = ("log", "-z", "--first-parent", *diff, *count, f"--format={_FORMAT}")
        return list(_parsed(self._plumbing.run(*wanted, checked(commit, ID), "--", path)))

    def each(self, commits: Sequence[str]) -> dict[str, LoggedCommit]:
        """Return some commits by their ids, without their changes. Those that are missing here are left out."""
        missing = self._plumbing.missing(commits, few=len(commits))
        names = "".join(f"{checked(each, ID)}\n" for each in dict.fromkeys(commits) if each not in missing)
        if not names:
            return {}
        wanted = ("log", "-z", "--no-walk=unsorted", "--no-patch", f"--format={_FORMAT}", "--stdin")
        return {each.sha: each for each in _parsed(self._plumbing.run(*wanted, stdin=names.encode()))}

    def unmerged(self, commits: Sequence[str], base: str) -> set[str]:
        """Return those of some commits that are not in the history of ``base``.

        A commit that is missing here is not in it.
        """
        missing = self._plumbing.missing(commits, few=len(commits))
        names = "".join(f"{checked(each, ID)}\n" for each in dict.fromkeys(commits) if each not in missing)
        stdin = f"{names}^{checked(base, ID)}\n".encode()
        try:
            output = self._plumbing.answer("rev-list", "--stdin", stdin=stdin, within=_MOST_SECONDS) if names else ""
        except GitError:  # anybody may push a branch with a very long history
            return set(commits)
        return missing | (set(commits) & set(output.split()))


def _parsed(output: str) -> Iterator[LoggedCommit]:
    """Yield the commits of an output of ``git log -z`` with ``_FORMAT``."""
    tokens = output.split("\0")
    at = 0
    while at < len(tokens):
        if not ID.fullmatch(tokens[at]):  # what separates two commits
            at += 1
            continue
        fields, at = tokens[at : at + _FIELDS], at + _FIELDS
        changes: list[FileChange] = []
        while at < len(tokens) and not ID.fullmatch(tokens[at]):
            token = tokens[at].lstrip("\n")
            if token.startswith(":"):
                changes.append(_change(token, tokens[at + 1]))
                at += 1
            at += 1
        yield _commit(fields, tuple(changes))


def _change(raw: str, path: str) -> FileChange:
    """Return a change from git's raw format: ``:100644 100644 <id> <id> M``."""
    old_mode, mode, before, after, _ = raw[1:].split(" ", 4)
    return FileChange(path, _file(old_mode, before), _file(mode, after))


def _file(mode: str, oid: str) -> str | None:
    return oid if mode.startswith("100") and oid.strip(_ABSENT) else None


def _commit(fields: list[str], changes: tuple[FileChange, ...]) -> LoggedCommit:
    sha, parents, date, author, address, subject, *values = fields
    trailers = {name: _text(value.split("\x1f")[0]) for name, value in zip(TRAILERS, values, strict=True) if value}
    author, address, subject = map(_text, (author, address, subject))
    return LoggedCommit(sha, tuple(parents.split()), commit_time(date), author, address, subject, trailers, changes)


def _text(text: str) -> str:
    """Return a text as one short printable line. A subject may have many megabytes."""
    return one_line(text[: 10 * _LONGEST], _LONGEST)
