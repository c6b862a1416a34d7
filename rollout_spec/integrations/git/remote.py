"""Branches of a remote: list, fetch and push.

Replicas share only the remote. A branch that only one of them can create there is their lock.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping
from functools import cached_property

from rollout_spec.core.errors import UserError
from rollout_spec.integrations.git.command import ID, GitError, Plumbing, checked

NAME = re.compile(r"(?!.*(\.\.|@\{|//|/\.|\.lock$|[/.]$))[A-Za-z0-9_][A-Za-z0-9._/@+-]{0,399}")
_PATTERN = re.compile(r"(?!.*(\.\.|@\{|//))[A-Za-z0-9_*][A-Za-z0-9._/@+*-]{0,399}")
_TRIES = 5
_FEW = 20
_HEADS = "refs/heads/"
_NOTHING_ELSE = ("--no-tags", "--no-write-fetch-head", "--refmap=")
NETWORK_SECONDS = 120.0
"""A remote that does not answer for so long counts as down. A rollback must report that, not wait."""
CLONE_SECONDS = 3600.0
"""The limit for the fetch of a whole history."""


class Remote:
    """One remote of a repository. Fetch and push move no branch of the repository itself."""

    def __init__(self, plumbing: Plumbing, name: str) -> None:
        self._plumbing = plumbing
        self.name = checked(name, NAME)
        self.lost: set[str] = set()
        """Heads that did not arrive: no one waits for them again."""

    @cached_property
    def url(self) -> str:
        """The URL that git pushes to."""
        return self._plumbing.run("remote", "get-url", "--push", self.name).strip()

    @property
    def address(self) -> str:
        """The URL or absolute path of the remote, without credentials."""
        if re.match(r"[^/]*:", self.url):  # a URL or host:path
            return re.sub(r"\A(https?://)[^/@]*@", r"\1", self.url)
        return str((self._plumbing.root / self.url).resolve())

    def forge_hosts(self) -> list[str]:
        """Return the hosts that git's configuration allows to receive a token."""
        return self._plumbing.settings("rollout-spec.forgeHost")

    def head(self) -> tuple[str, str] | None:
        """Return the default branch of the remote and its commit, None if it names none."""
        branch = commit = None
        for line in self._ask("ls-remote", "--symref", self.name, "HEAD").split("\n"):
            value, _, name = line.partition("\t")
            if value.startswith(f"ref: {_HEADS}") and name == "HEAD":
                branch = value.removeprefix(f"ref: {_HEADS}")
            elif name == "HEAD" and ID.fullmatch(value):
                commit = value
        return (branch, commit) if branch is not None and commit is not None else None

    def branch(self, branch: str) -> str | None:
        """Return the commit of a remote branch, None if absent."""
        return self.branches(checked(branch, NAME)).get(branch)

    def branches(self, *patterns: str) -> dict[str, str]:
        """Return the remote branches that match a pattern (``rollback/acme/*``), each with its commit.

        A pattern matches whole names; git itself would also return names that end with it.
        """
        refs = [f"{_HEADS}{checked(pattern, _PATTERN)}" for pattern in patterns]
        fits = re.compile("|".join(re.escape(each).replace(r"\*", ".*") for each in refs))
        commits = {}
        for line in self._ask("ls-remote", self.name, *refs).split("\n"):  # a name may hold other line ends
            commit, _, name = line.partition("\t")
            if fits.fullmatch(name) and ID.fullmatch(commit):
                commits[name.removeprefix(_HEADS)] = commit
        return commits

    def fetch(self, branch: str) -> str:
        """Fetch one branch and return its commit. UserError if the branch is absent."""
        commit = self._known(branch)
        self.fetch_branches({branch: commit})
        return commit

    def fetch_branches(self, branches: Mapping[str, str], *, within: float | None = None) -> None:
        """Fetch branches whose commits are missing here. If one of many is missing, all are fetched.

        GitError if it takes more than ``within`` seconds.
        """
        missing = self._plumbing.missing(branches.values(), _FEW)
        names = [name for name, commit in branches.items() if commit in missing]
        refs = [_HEADS + checked(name, NAME) for name in names]
        if refs:
            self._ask("fetch", "--quiet", *_NOTHING_ELSE, self.name, *refs, within=within)

    def fetch_commit(self, commit: str, *, within: float | None = None) -> None:
        """Fetch a commit that may be on no branch. GitError if the remote refuses."""
        self._ask("fetch", "--quiet", *_NOTHING_ELSE, self.name, checked(commit, ID), within=within)

    def follow(self, branch: str) -> str:
        """Fetch a branch, move the local branch of this name to it, and return its commit.

        Only for bare repositories. It may take up to an hour. Objects that a partial clone omits stay omitted.
        """
        self._known(branch)
        name = _HEADS + branch
        self._ask("fetch", "--quiet", *_NOTHING_ELSE, self.name, f"+{name}:{name}", within=CLONE_SECONDS)
        return self._plumbing.run("rev-parse", name).strip()

    def fetch_objects(self, ids: Iterable[str]) -> None:
        """Fetch the objects that a partial clone lacks by their ids, in one round trip."""
        wanted = "".join(f"{checked(each, ID)}\n" for each in ids)
        if wanted:
            alone = "fetch.negotiationAlgorithm=noop"  # as git itself does for single objects
            arguments = ("fetch", "--quiet", *_NOTHING_ELSE, "--filter=blob:none", "--stdin", self.name)
            self._ask(*arguments, setting=alone, stdin=wanted.encode(), within=CLONE_SECONDS)

    def push(self, branch: str) -> None:
        """Push a branch to the branch of the same name."""
        name = _HEADS + checked(branch, NAME)
        self._ask("push", "--quiet", "--no-verify", self.name, f"{name}:{name}")

    def push_new(self, branch: str, commit: str, *, dry_run: bool = False) -> bool:
        """Create a remote branch at ``commit``. Return False if it exists at another commit.

        The empty lease makes the branch a lock between machines: only one of many pushes succeeds. ``dry_run`` asks the
        server whether it would accept the push, and sends nothing.
        """
        name, target = _HEADS + branch, f"{checked(commit, ID)}:{_HEADS}{checked(branch, NAME)}"
        no_mirror = f"remote.{self.name}.mirror=false"  # with this setting git pushes everything or nothing
        option = ("--dry-run",) if dry_run else ()
        arguments = ("push", "--quiet", "--no-verify", *option, f"--force-with-lease={name}:", self.name, target)
        for attempt in range(1, _TRIES + 1):
            try:
                self._ask(*arguments, setting=no_mirror)
                return True
            except GitError as error:
                current = self.branch(branch)
                if current is not None:
                    return current == commit
                if attempt == _TRIES or "lock" not in error.reason:
                    raise
                time.sleep(0.1 * attempt)  # another process writes the branch now
        raise AssertionError

    def replace(self, branch: str, expected: str, commit: str) -> bool:
        """Move a remote branch from the expected commit to another. Return False if it is at neither."""
        name, target = _HEADS + branch, f"{checked(commit, ID)}:{_HEADS}{checked(branch, NAME)}"
        arguments = ("push", "--quiet", "--no-verify", f"--force-with-lease={name}:{checked(expected, ID)}", self.name)
        try:
            self._ask(*arguments, target, setting=f"remote.{self.name}.mirror=false")
        except GitError:
            if self.branch(branch) == expected:
                raise
            return self.branch(branch) == commit
        return True

    def _known(self, branch: str) -> str:
        commit = self.branch(branch)
        if commit is None:
            raise UserError(
                f"the remote `{self.name}` has no branch `{branch}`",
                hint=f"push it first: `git push -u {self.name} {branch}`, or name the live branch in `forge.base`",
            )
        return commit

    def _ask(
        self,
        verb: str,
        *arguments: str,
        setting: str | None = None,
        stdin: bytes | None = None,
        within: float | None = None,
    ) -> str:
        own = () if setting is None else ("-c", setting)
        action, seconds = f"git {verb} failed", NETWORK_SECONDS if within is None else within
        return self._plumbing.answer(*own, verb, *arguments, stdin=stdin, within=seconds, action=action)
