"""Git is asked by plumbing commands with checked arguments: nothing is checked out, no hook runs, no worktree is needed.

GitPython starts the processes. It is used for nothing else, and is closed after each use: it leaks processes when kept, and
passes on whatever looks like an option, so that no argument here may begin with ``-``.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, cast

import git as gitpython
from git.exc import GitCommandError, InvalidGitRepositoryError, NoSuchPathError

from rollout_spec.errors import OUTSIDE, UserError

AUTHOR = ("rollout-spec", "rollout-spec@users.noreply.invalid")
_REF = re.compile(r"(?!.*(\.\.|@\{|//|\.lock$|[/.]$))[A-Za-z0-9_][A-Za-z0-9._/@+^~-]{0,254}")
_SETTINGS = {
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "core.quotePath": "false",
    "commit.gpgSign": "false",
    "push.gpgSign": "false",
    "push.followTags": "false",
    "i18n.commitEncoding": "UTF-8",
    "log.showSignature": "false",
    "protocol.ext.allow": "never",
    "gc.auto": "0",
    "color.ui": "false",
}
_ENVIRONMENT = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "LC_ALL": "C",
}


@dataclass(frozen=True)
class Commit:
    """One commit of a first-parent history; ``parent`` is None at its root."""

    sha: str
    parent: str | None
    date: datetime
    subject: str


class GitError(UserError):
    """Git said no; ``words`` are its own."""

    def __init__(self, action: str, words: str, *, status: int = OUTSIDE, hint: str | None = None) -> None:
        super().__init__(f"{action}: {words.strip() or 'git failed and did not say why'}", status=status, hint=hint)
        self.words = words


class Git:
    """One repository, by the folder of its clone or bare mirror. Paths are from its root, commits are full ids."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._trees: dict[tuple[str, str], dict[str, tuple[str, str]]] = {}
        try:
            gitpython.Repo(root).close()
        except (InvalidGitRepositoryError, NoSuchPathError):
            raise UserError(f"{root} is no git repository") from None

    @classmethod
    def create(cls, root: Path, *, bare: bool = False) -> Git:
        """Make a repository whose branch is ``main``; the folder and its files may be there already."""
        gitpython.Repo.init(root, mkdir=True, bare=bare, initial_branch="main").close()
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
        """Return the bytes of a file in a commit, None where there is none."""
        folder, _, name = path.rpartition("/")
        kind, oid = self._tree(commit, folder).get(name, ("", ""))
        if kind != "blob":
            return None
        return self._bytes("cat-file", "blob", oid)

    def names(self, commit: str, folder: str) -> list[str]:
        """Return the names in a folder of a commit, sorted."""
        return sorted(self._tree(commit, "" if folder == "." else folder))

    def _tree(self, commit: str, folder: str) -> dict[str, tuple[str, str]]:
        """Read one folder of a commit, once: names to kind and object id."""
        key = (commit, folder)
        if key not in self._trees:
            self._trees[key] = found = {}
            if folder:
                above, _, name = folder.rpartition("/")
                kind, oid = self._tree(commit, above).get(name, ("", ""))
            else:
                kind, oid = "tree", commit
            for entry in self._run("ls-tree", "-z", oid).split("\0") if kind == "tree" else []:
                facts, _, name = entry.partition("\t")
                if name:
                    mode, kind, oid = facts.split(" ")[:3]
                    found[name] = (kind if mode != "120000" else "link", oid)
        return self._trees[key]

    # History.

    def is_shallow(self) -> bool:
        """Is history cut off here? Then a walk gives wrong answers, not none."""
        return self._run("rev-parse", "--is-shallow-repository").strip() == "true"

    def history(self, commit: str, path: str) -> Iterator[Commit]:
        """Give the commits on the first-parent line that changed a file, newest first."""
        lines = self._run("log", "--first-parent", "--format=%H %P%x00%ct%x00%s", commit, "--", path)
        for line in lines.split("\n"):
            if line:
                ids, date, subject = line.split("\0", 2)
                sha, *parents = ids.split()
                moment = datetime.fromtimestamp(int(date)).astimezone()
                yield Commit(sha, parents[0] if parents else None, moment, subject)

    def message(self, commit: str) -> str:
        """Return the whole message of a commit."""
        return self._run("log", "-1", "--format=%B", commit)

    def author(self, commit: str) -> tuple[str, str]:
        """Return the name and address of a commit's author."""
        name, _, address = self._run("log", "-1", "--format=%an%x00%ae", commit).strip().partition("\0")
        return name, address

    def holds(self, commit: str, other: str) -> bool:
        """Is ``other`` among the ancestors of a commit?"""
        if not self._has(other):
            return False
        try:
            self._run("merge-base", "--is-ancestor", other, commit)
        except GitError:
            return False
        return True

    def diff(self, before: str, after: str) -> str:
        """Return the difference between two commits as a patch."""
        return self._run("diff-tree", "-p", "-r", "--no-ext-diff", "--no-textconv", "--no-color", before, after)

    # New commits.

    def build(self, parent: str, edits: Mapping[str, bytes | None], message: str, date: datetime) -> str:
        """Make the commit that lays ``edits`` over ``parent``: the same arguments give the same id. No branch moves."""
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
        self._run("merge", "--quiet", "--ff-only", commit)

    # Remotes.

    def add_remote(self, name: str, url: str) -> None:
        """Add a remote."""
        self._run("remote", "add", name, url)

    def push(self, remote: str, branch: str) -> None:
        """Push a branch, as far as it is ahead."""
        self._network("push", "--quiet", "--no-verify", remote, f"refs/heads/{branch}:refs/heads/{branch}")

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
        for line in self._network("ls-remote", "--symref", remote, "HEAD").splitlines():
            if line.startswith("ref: refs/heads/"):
                return line.split("\t")[0].removeprefix("ref: refs/heads/")
        return None

    def remote_branch(self, remote: str, branch: str) -> str | None:
        """Return the commit of a branch on a remote, None where there is no such branch."""
        found = self._network("ls-remote", remote, f"refs/heads/{branch}").split()
        return found[0] if found else None

    def fetch(self, remote: str, branch: str) -> str:
        """Fetch one branch, and return the commit that it is at. No local branch moves."""
        known = self.remote_branch(remote, branch)
        if known is None:
            raise UserError(
                f"the remote `{remote}` has no branch `{branch}`", hint="name the branch that is live in `forge.base`"
            )
        if not self._has(known):
            self._network("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", remote, f"refs/heads/{branch}")
        return known

    def push_new(self, remote: str, branch: str, commit: str) -> bool:
        """Push a commit as a branch that is not there yet; False where the branch is there with something else.

        The lease that expects nothing is what makes the branch a lock that machines share: of many who push, one wins.
        """
        if self.remote_branch(remote, branch) == commit:
            return True
        try:
            self._network(
                "push",
                "--quiet",
                "--no-verify",
                f"--force-with-lease=refs/heads/{branch}:",
                remote,
                f"{commit}:refs/heads/{branch}",
            )
        except GitError:
            there = self.remote_branch(remote, branch)
            if there is None:
                raise
            return there == commit
        return True

    def set_branch(self, branch: str, commit: str) -> None:
        """Point a local branch at a commit."""
        self._run("update-ref", f"refs/heads/{branch}", commit)

    def _has(self, commit: str) -> bool:
        try:
            self._run("cat-file", "-e", f"{commit}^{{commit}}")
        except GitError:
            return False
        return True

    # How git is run.

    def _network(self, *words: str) -> str:
        return self._run(*words, action=f"git {words[0]} failed")

    def _run(
        self, *words: str, stdin: bytes | None = None, environment: Mapping[str, str] | None = None, action: str = "git"
    ) -> str:
        return self._bytes(*words, stdin=stdin, environment=environment, action=action).decode("utf-8", "replace")

    def _bytes(
        self, *words: str, stdin: bytes | None = None, environment: Mapping[str, str] | None = None, action: str = "git"
    ) -> bytes:
        settings = [word for name, value in _SETTINGS.items() for word in ("-c", f"{name}={value}")]
        with gitpython.Repo(self.root) as repo, _input(stdin) as given:
            try:
                output = repo.git.execute(
                    ["git", *settings, *words],
                    istream=given,
                    env={**_ENVIRONMENT, **(environment or {})},
                    stdout_as_string=False,
                    strip_newline_in_stdout=False,
                )
            except GitCommandError as error:
                raise GitError(action, _words(error)) from None
        assert isinstance(output, bytes)
        return output


def _who(date: datetime) -> dict[str, str]:
    """Return the author of all that this tool commits, whatever the clone's configuration says."""
    name, address = AUTHOR
    facts = {"NAME": name, "EMAIL": address, "DATE": f"{int(date.timestamp())} +0000"}
    return {f"GIT_{role}_{field}": value for role in ("AUTHOR", "COMMITTER") for field, value in facts.items()}


@contextmanager
def _input(content: bytes | None) -> Iterator[BinaryIO | None]:
    if content is None:
        yield None
        return
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.seek(0)
        yield cast(BinaryIO, file)


def _words(error: GitCommandError) -> str:
    """Return what git wrote, without the credentials that a URL may hold."""
    text = str(error.stderr or "")
    text = re.sub(r"\A\s*stderr: '(.*)'\s*\Z", r"\1", text, flags=re.DOTALL)
    return re.sub(r"(\w+://)[^/\s@]+@", r"\1", text)
