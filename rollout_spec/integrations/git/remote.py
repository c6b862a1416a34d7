"""A remote is what replicas share: a branch that only one of many can make there is their lock."""

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
"""A remote that does not answer for so long is down: a rollback must say so rather than wait."""
CLONE_SECONDS = 3600.0
"""The longest that a whole history may take."""


class Remote:
    """One remote of a repository. No branch of the repository moves, whatever is fetched or pushed."""

    def __init__(self, plumbing: Plumbing, name: str) -> None:
        self._plumbing = plumbing
        self.name = checked(name, NAME)

    @cached_property
    def url(self) -> str:
        """Where it is, as git would push to it."""
        return self._plumbing.run("remote", "get-url", "--push", self.name).strip()

    @property
    def address(self) -> str:
        """Where it is, from wherever it is asked, and without the credentials that the URL of a clone may hold."""
        if re.match(r"[^/]*:", self.url):  # a URL or host:path
            return re.sub(r"\A(https?://)[^/@]*@", r"\1", self.url)
        return str((self._plumbing.root / self.url).resolve())

    def forge_hosts(self) -> list[str]:
        """Return the hosts that the owner of the machine lets a token go to, as git's configuration names them."""
        return self._plumbing.settings("rollout-spec.forgeHost")

    def head(self) -> str | None:
        """Return the branch that the remote calls its head."""
        for line in self._ask("ls-remote", "--symref", self.name, "HEAD").splitlines():
            if line.startswith(f"ref: {_HEADS}"):
                return line.split("\t")[0].removeprefix(f"ref: {_HEADS}")
        return None

    def branch(self, branch: str) -> str | None:
        """Return the commit of a branch there, None if there is no such branch."""
        return self.branches(checked(branch, NAME)).get(branch)

    def branches(self, *patterns: str) -> dict[str, str]:
        """Return the branches there that a pattern matches (``rollback/acme/*``), each with its commit.

        A pattern matches whole names; git itself would give all names that end so.
        """
        wanted = [f"{_HEADS}{checked(pattern, _PATTERN)}" for pattern in patterns]
        fits = re.compile("|".join(re.escape(each).replace(r"\*", ".*") for each in wanted))
        found = {}
        for line in self._ask("ls-remote", self.name, *wanted).splitlines():
            commit, _, name = line.partition("\t")
            if fits.fullmatch(name) and ID.fullmatch(commit):
                found[name.removeprefix(_HEADS)] = commit
        return found

    def fetch(self, branch: str) -> str:
        """Fetch one branch, and return the commit that it is at. UserError if there is no such branch."""
        known = self._known(branch)
        self.fetch_branches({branch: known})
        return known

    def fetch_branches(self, branches: Mapping[str, str]) -> None:
        """Fetch branches whose commits are not here yet; of many it is not asked which those are."""
        few = len(branches) <= _FEW
        names = [name for name, commit in branches.items() if not few or not self._plumbing.has(commit)]
        refs = [_HEADS + checked(name, NAME) for name in names]
        if refs:
            self._ask("fetch", "--quiet", *_NOTHING_ELSE, self.name, *refs)

    def fetch_commit(self, commit: str) -> None:
        """Fetch a commit that no branch may lead to. GitError if the remote does not give it."""
        self._ask("fetch", "--quiet", *_NOTHING_ELSE, self.name, checked(commit, ID))

    def follow(self, branch: str) -> str:
        """Fetch a branch, however long that takes, and point the branch of this name here at it; return its commit.

        Only a bare repository takes that. What a partial clone leaves out, stays out.
        """
        self._known(branch)
        name = _HEADS + branch
        self._ask("fetch", "--quiet", *_NOTHING_ELSE, self.name, f"+{name}:{name}", within=CLONE_SECONDS)
        return self._plumbing.run("rev-parse", name).strip()

    def fetch_objects(self, ids: Iterable[str]) -> None:
        """Fetch objects by their ids: what a partial clone lacks, in one round trip."""
        wanted = "".join(f"{checked(each, ID)}\n" for each in ids)
        if wanted:
            alone = "fetch.negotiationAlgorithm=noop"  # as git does it for one: nothing is known of their history
            words = ("fetch", "--quiet", *_NOTHING_ELSE, "--filter=blob:none", "--stdin", self.name)
            self._ask(*words, setting=alone, stdin=wanted.encode(), within=CLONE_SECONDS)

    def push(self, branch: str) -> None:
        """Push a branch, as far as it is ahead."""
        name = _HEADS + checked(branch, NAME)
        self._ask("push", "--quiet", "--no-verify", self.name, f"{name}:{name}")

    def push_new(self, branch: str, commit: str, *, dry_run: bool = False) -> bool:
        """Push a commit as a branch that is not there yet; False if the branch is there with something else.

        The lease that expects nothing is what makes the branch a lock that machines share: of many who push, one wins.
        ``dry_run``: the server is asked whether it would take a push, and nothing is sent.
        """
        name, target = _HEADS + branch, f"{checked(commit, ID)}:{_HEADS}{checked(branch, NAME)}"
        no_mirror = f"remote.{self.name}.mirror=false"  # a mirror pushes all, or nothing
        dry = ("--dry-run",) if dry_run else ()
        words = ("push", "--quiet", "--no-verify", *dry, f"--force-with-lease={name}:", self.name, target)
        for attempt in range(1, _TRIES + 1):
            there = self.branch(branch)
            if there is not None:
                return there == commit
            try:
                self._ask(*words, setting=no_mirror)
                return True
            except GitError as error:
                if attempt == _TRIES or (self.branch(branch) is None and "lock" not in error.words):
                    raise
                time.sleep(0.1 * attempt)  # another one writes the branch now
        raise AssertionError

    def replace(self, branch: str, expected: str, commit: str) -> bool:
        """Move a branch there from the commit that it is expected at to another; False if it is elsewhere by now."""
        name, target = _HEADS + branch, f"{checked(commit, ID)}:{_HEADS}{checked(branch, NAME)}"
        words = ("push", "--quiet", "--no-verify", f"--force-with-lease={name}:{checked(expected, ID)}", self.name)
        try:
            self._ask(*words, target, setting=f"remote.{self.name}.mirror=false")
        except GitError:
            if self.branch(branch) == expected:
                raise
            return self.branch(branch) == commit
        return True

    def _known(self, branch: str) -> str:
        known = self.branch(branch)
        if known is None:
            raise UserError(
                f"the remote `{self.name}` has no branch `{branch}`",
                hint="name the branch that is live in `forge.base`",
            )
        return known

    def _ask(
        self,
        verb: str,
        *words: str,
        setting: str | None = None,
        stdin: bytes | None = None,
        within: float | None = None,
    ) -> str:
        own = () if setting is None else ("-c", setting)
        action, seconds = f"git {verb} failed", NETWORK_SECONDS if within is None else within
        return self._plumbing.answer(*own, verb, *words, stdin=stdin, within=seconds, action=action)
