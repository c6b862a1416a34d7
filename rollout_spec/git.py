"""Git is asked by plumbing commands with checked arguments: nothing is checked out, no hook runs.

What comes from elsewhere is checked, or stands behind ``--``, so that git takes it neither for an option nor for more
than it is. ``plumbing`` starts the commands.
"""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rollout_spec.errors import UserError
from rollout_spec.objects import Objects
from rollout_spec.plumbing import GitError, Plumbing, create, credential_environment
from rollout_spec.scalars import excerpt

AUTHOR = ("rollout-spec", "rollout-spec@users.noreply.invalid")
_REF = re.compile(r"(?!.*(\.\.|@\{|//|\.lock$|[/.]$))[A-Za-z0-9_][A-Za-z0-9._/@+^~-]{0,254}")
_NAME = re.compile(r"(?!.*(\.\.|@\{|//|/\.|\.lock$|[/.]$))[A-Za-z0-9_][A-Za-z0-9._/@+-]{0,254}")
_PATTERN = re.compile(r"(?!.*(\.\.|@\{|//))[A-Za-z0-9_*][A-Za-z0-9._/@+*-]{0,254}")
_ID = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_TRIES = 5
_FEW_COMMITS = 4
NETWORK_SECONDS = 120.0
"""A remote that does not answer for so long is down: a rollback must say so rather than wait."""


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
        self._trees: dict[tuple[str, str], dict[str, tuple[str, str]]] = {}
        self._credential: dict[str, str] = {}
        plumbing = Plumbing(root)
        self._run, self._answer = plumbing.run, plumbing.answer
        self._objects = Objects(plumbing)

    @classmethod
    def create(cls, root: Path, *, bare: bool = False) -> Git:
        """Make a repository whose branch is ``main``; the folder and its files may be there already."""
        create(root, bare=bare)
        return cls(root)

    # What commits hold.

    def commit(self, ref: str) -> str:
        """Return the id of the commit that a name stands for. UserError where there is none."""
        if not _REF.fullmatch(ref):
            raise UserError(f"`{ref[:80]}` is no name that git takes for a commit or branch")
        try:
            return self._run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}").strip()
        except GitError:
            raise UserError(
                f"there is no commit or branch `{ref}` here", hint="fetch it first: `git fetch origin`"
            ) from None

    def merge_base(self, ref: str) -> str | None:
        """Return the commit from which HEAD and ``ref`` parted, None where git does not know one."""
        try:
            return self._run("merge-base", "HEAD", self.commit(ref)).strip() or None
        except GitError:
            return None

    def read(self, commit: str, path: str) -> bytes | None:
        """Return the bytes of a file in a commit, None where there is none; a link or a submodule is no file."""
        folder, _, name = path.rpartition("/")
        kind, oid = self._tree(commit, folder).get(name, ("", ""))
        if kind != "blob":
            return None
        return self._objects.blob(oid)

    def names(self, commit: str, folder: str) -> list[str]:
        """Return the names in a folder of a commit, sorted."""
        return sorted(self._tree(commit, "" if folder == "." else folder))

    def _tree(self, commit: str, folder: str) -> dict[str, tuple[str, str]]:
        """Read one folder of a commit, once: names to kind and object id."""
        key = (commit, folder)
        if key not in self._trees:
            found: dict[str, tuple[str, str]] = {}
            self._trees[key] = found
            if folder:
                above, _, name = folder.rpartition("/")
                kind, oid = self._tree(commit, above).get(name, ("", ""))
            else:
                kind, oid = "tree", f"{_checked(commit, _ID)}^{{tree}}"
            if kind == "tree":
                found.update((name, (kind, oid)) for name, kind, oid in self._objects.tree(oid))
        return self._trees[key]

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
        start: str | None = _checked(commit, _ID)
        count = _FEW_COMMITS
        while start is not None:
            wanted = ("log", "--first-parent", f"--max-count={count}", "--format=%H %P%x00%ct%x00%s")
            lines = [line for line in self._run(*wanted, start, "--", path).split("\n") if line]
            start, full, count = None, len(lines) == count, 4 * count
            for line in lines:
                ids, date, subject = line.split("\0", 2)
                sha, *parents = ids.split()
                found = Commit(sha, parents[0] if parents else None, datetime.fromtimestamp(int(date), UTC), subject)
                start = found.parent if full else None
                yield found

    def added(self, commit: str, folder: str, since: datetime) -> Iterator[tuple[str, datetime]]:
        """Give the files that came into a folder on the first-parent line since a moment, with when they did.

        Where history begins, or is cut off, nothing is said to have come in.
        """
        wanted = ("log", "--first-parent", "-m", "--no-renames", "--diff-filter=A", "--name-only", "--min-parents=1")
        moment = since.astimezone(UTC).isoformat(timespec="seconds")
        words = (*wanted, f"--since={moment}", "--format=%x00%ct", _checked(commit, _ID), "--", folder)
        for part in self._run(*words).split("\0")[1:]:
            date, *paths = part.split("\n")
            yield from ((path, datetime.fromtimestamp(int(date), UTC)) for path in paths if path)

    def message(self, commit: str) -> str:
        """Return the whole message of a commit."""
        return self._run("log", "-1", "--format=%B", _checked(commit, _ID))

    def date(self, commit: str) -> datetime:
        """Return when a commit was made, as its committer says."""
        return datetime.fromtimestamp(int(self._run("log", "-1", "--format=%ct", _checked(commit, _ID))), UTC)

    def author(self, commit: str) -> tuple[str, str]:
        """Return the name and address of a commit's author."""
        told = self._run("log", "-1", "--format=%an%x00%ae", _checked(commit, _ID))
        name, _, address = told.strip().partition("\0")
        return name, address

    def beyond(self, base: str, commit: str) -> list[str]:
        """Return the commits that lead to one and not to ``base``, newest first."""
        return self._run("rev-list", _checked(commit, _ID), f"^{_checked(base, _ID)}").split()

    def holds(self, commit: str, other: str) -> bool:
        """Is ``other`` among the ancestors of a commit?"""
        if not _ID.fullmatch(other) or not self._has(other):
            return False
        try:
            self._run("merge-base", "--is-ancestor", other, _checked(commit, _ID))
        except GitError:
            return False
        return True

    def diff(self, before: str, after: str) -> str:
        """Return the difference between two commits as a patch."""
        commits = (_checked(before, _ID), _checked(after, _ID))
        return self._run("diff-tree", "-p", "-r", "--no-ext-diff", "--no-textconv", "--no-color", *commits)

    # New commits.

    def build(self, parent: str, edits: Mapping[str, bytes | None], message: str, date: datetime) -> str:
        """Make the commit that lays ``edits`` over ``parent``: the same arguments give the same id. No branch moves."""
        _checked(parent, _ID)
        with tempfile.TemporaryDirectory(prefix="rollout-spec-") as folder:
            index = {"GIT_INDEX_FILE": str(Path(folder, "index"))}
            self._run("read-tree", parent, environment=index)
            lines = [self._index_line(parent, path, content) for path, content in sorted(edits.items())]
            self._run("update-index", "-z", "--index-info", stdin="".join(lines).encode(), environment=index)
            tree = self._run("write-tree", environment=index).strip()
        return self._run("commit-tree", tree, "-p", parent, stdin=message.encode(), environment=_who(date)).strip()

    def _index_line(self, parent: str, path: str, content: bytes | None) -> str:
        if content is None:
            return f"0 {'0' * 40}\t{path}\0"
        oid = self._run("hash-object", "-w", "--no-filters", "--stdin", stdin=content).strip()
        return f"{self._mode(parent, path)} {oid}\t{path}\0"

    def _mode(self, commit: str, path: str) -> str:
        entry = self._run("ls-tree", commit, "--", path)
        return "100755" if entry.startswith("100755") else "100644"

    def commit_all(self, message: str) -> str:
        """Commit the whole working tree on the branch that is checked out, and return the commit."""
        self._run("add", "--all")
        self._run("commit", "--quiet", "--no-verify", "--message", message, environment=_who(datetime.now(UTC)))
        return self.commit("HEAD")

    def fast_forward(self, commit: str) -> None:
        """Move the branch that is checked out, and its files, on to a later commit."""
        self._run("merge", "--quiet", "--ff-only", _checked(commit, _ID))

    # Remotes.

    def authorize(self, url: str, user: str, password: str) -> None:
        """Show a password to the remotes on one host (a scheme with a host) that ask for one, and to no other."""
        self._credential = credential_environment(url, user, password)

    def add_remote(self, name: str, url: str) -> None:
        """Add a remote."""
        self._run("remote", "add", _checked(name, _NAME), "--", url)

    def push(self, remote: str, branch: str) -> None:
        """Push a branch, as far as it is ahead."""
        name = f"refs/heads/{_checked(branch, _NAME)}"
        self._network("push", "--quiet", "--no-verify", _checked(remote, _NAME), f"{name}:{name}")

    def remotes(self) -> list[str]:
        """Return the names of the remotes."""
        return self._run("remote").split()

    def remote_url(self, remote: str) -> str:
        """Return where a remote is. UserError where there is no such remote."""
        if remote not in self.remotes():
            raise UserError(
                f"there is no git remote `{remote}` here",
                hint=f"`git remote add {remote} URL`, or name another in `forge.remote`",
            )
        return self._run("remote", "get-url", "--push", remote).strip()

    def remote_head(self, remote: str) -> str | None:
        """Return the branch that a remote calls its head."""
        for line in self._network("ls-remote", "--symref", _checked(remote, _NAME), "HEAD").splitlines():
            if line.startswith("ref: refs/heads/"):
                return line.split("\t")[0].removeprefix("ref: refs/heads/")
        return None

    def remote_branch(self, remote: str, branch: str) -> str | None:
        """Return the commit of a branch on a remote, None where there is no such branch."""
        name = f"refs/heads/{_checked(branch, _NAME)}"
        for line in self._network("ls-remote", _checked(remote, _NAME), name).splitlines():
            commit, _, found = line.partition("\t")
            if found == name:  # git gives all names that end so
                return commit
        return None

    def remote_branches(self, remote: str, pattern: str) -> dict[str, str]:
        """Return the branches of a remote that a pattern matches (``rollback/acme/*``), each with its commit."""
        found = {}
        wanted = f"refs/heads/{_checked(pattern, _PATTERN)}"
        for line in self._network("ls-remote", _checked(remote, _NAME), wanted).splitlines():
            commit, _, name = line.partition("\t")
            if name.startswith("refs/heads/") and _ID.fullmatch(commit):
                found[name.removeprefix("refs/heads/")] = commit
        return found

    def fetch_branches(self, remote: str, branches: Mapping[str, str]) -> None:
        """Fetch branches whose commits are not here yet. No branch moves here."""
        refs = [f"refs/heads/{name}" for name, commit in branches.items() if not self._has(commit)]
        if refs:
            nothing_else = ("--no-tags", "--no-write-fetch-head", "--refmap=")
            self._network("fetch", "--quiet", *nothing_else, _checked(remote, _NAME), *refs)

    def fetch(self, remote: str, branch: str) -> str:
        """Fetch one branch, and return the commit that it is at. No branch moves here, not even a remote's."""
        known = self.remote_branch(remote, branch)
        if known is None:
            raise UserError(
                f"the remote `{remote}` has no branch `{branch}`", hint="name the branch that is live in `forge.base`"
            )
        if not self._has(known):
            nothing_else = ("--no-tags", "--no-write-fetch-head", "--refmap=")
            self._network("fetch", "--quiet", *nothing_else, remote, f"refs/heads/{branch}")
        return known

    def push_new(self, remote: str, branch: str, commit: str) -> bool:
        """Push a commit as a branch that is not there yet; False where the branch is there with something else.

        The lease that expects nothing is what makes the branch a lock that machines share: of many who push, one wins.
        """
        name, target = f"refs/heads/{branch}", f"{_checked(commit, _ID)}:refs/heads/{branch}"
        words = ("push", "--quiet", "--no-verify", f"--force-with-lease={name}:", remote, target)
        for attempt in range(1, _TRIES + 1):
            there = self.remote_branch(remote, branch)
            if there is not None:
                return there == commit
            try:
                self._network(*words, settings=(f"remote.{remote}.mirror=false",))  # a mirror pushes all, or nothing
                return True
            except GitError as error:
                if attempt == _TRIES or (self.remote_branch(remote, branch) is None and "lock" not in error.words):
                    raise
                time.sleep(0.1 * attempt)  # another one writes the branch now
        raise AssertionError

    def set_branch(self, branch: str, commit: str) -> None:
        """Point a local branch at a commit."""
        self._run("update-ref", f"refs/heads/{_checked(branch, _NAME)}", _checked(commit, _ID))

    def _network(self, *words: str, settings: tuple[str, ...] = ()) -> str:
        own = [word for setting in settings for word in ("-c", setting)]
        action = f"git {words[0]} failed"
        return self._answer(*own, *words, within=NETWORK_SECONDS, environment=self._credential, action=action)

    def _has(self, commit: str) -> bool:
        try:
            self._run("cat-file", "-e", f"{_checked(commit, _ID)}^{{commit}}")
        except GitError:
            return False
        return True


def _who(date: datetime) -> dict[str, str]:
    """Return the author of all that this tool commits, whatever the clone's configuration says."""
    name, address = AUTHOR
    moment = max(0, int(date.timestamp()))  # git knows no time before 1970
    facts = {"NAME": name, "EMAIL": address, "DATE": f"@{moment} +0000"}
    return {f"GIT_{role}_{field}": value for role in ("AUTHOR", "COMMITTER") for field, value in facts.items()}


def _checked(text: str, pattern: re.Pattern[str]) -> str:
    """Return a text that git will take neither for an option nor for more than it is."""
    if not pattern.fullmatch(text):
        raise UserError(f"`{excerpt(text)}` is no name or id that git takes here")
    return text
