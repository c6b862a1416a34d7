"""A rollback needs a git that is new enough, a clone that knows its history, and a commit that can be made."""

from __future__ import annotations

import re
import struct
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from rollout_spec.core.errors import UserError
from rollout_spec.integrations.git.command import GitError, Plumbing
from rollout_spec.integrations.git.signing import AUTHOR
from rollout_spec.spec.workspace import Automation
from rollout_spec.workflows.base_branch import Base
from rollout_spec.workflows.doctor.result import DoctorResult, ended, failed, ok, unknown, warning

LEAST_GIT = (2, 31)
"""The first one that takes settings, such as the helper that shows a token, from GIT_CONFIG_COUNT."""
LONG_HISTORY = 5_000
"""From so many commits on, a walk along one file takes seconds without a commit-graph."""
_SLOW_SIGNATURE = 10.0
_MIRROR = "`rollout-spec mirror DIR` keeps one that is whole and warm"


def git_version(plumbing: Plumbing) -> DoctorResult:
    """Look at the version of git. Distributions mend an old one without a new number: no other one is warned of."""
    told = plumbing.run("version").strip().removeprefix("git version ")
    found = re.match(r"(\d+)\.(\d+)", told)
    if found is None:
        return unknown("git", f"git does not say its version: {told}")
    least = ".".join(map(str, LEAST_GIT))
    if (int(found[1]), int(found[2])) < LEAST_GIT:
        why = "older ones are not shown the token, and lack options"
        return failed("git", f"git {told} is too old: {why}", f"install git {least} or newer")
    return ok("git", f"git {told}")


def unreadable(plumbing: Plumbing) -> DoctorResult | None:
    """Return what keeps git from reading this clone at all, as where somebody else owns it; None if nothing does."""
    try:
        plumbing.run("rev-parse", "--git-dir")
    except GitError as error:
        hint = "run this as who owns it, or let git trust it: `git config --global --add safe.directory DIR`"
        words = error.reason.strip().partition("\n")[0]
        return failed("clone", f"git does not read it: {words}", hint)
    return None


def clone(base: Base, automation: Automation) -> Iterator[DoctorResult]:
    """Look at what this clone lacks."""
    plumbing = Plumbing(base.git.root)
    kind = "a bare repository" if plumbing.run("rev-parse", "--is-bare-repository").strip() == "true" else "a clone"
    if base.git.is_shallow():
        words = "its history is cut off: which commits a rollback undoes, and how long a stage was held, is not known"
        if automation.mode == "auto-merge":
            yield failed("clone", f"{words}, so that no rollback merges itself", f"`git fetch --unshallow`; {_MIRROR}")
        else:
            yield warning("clone", words, f"`git fetch --unshallow`; {_MIRROR}")
        return
    lacks = _setting(plumbing, r"remote\..*\.partialclonefilter") or ""
    if lacks.startswith("tree:"):
        words = f"{kind} without folders, which are fetched one by one when they are read: that takes long"
        yield warning("clone", words, f"clone with `--filter=blob:none`; {_MIRROR}")
        return
    what = ", which fetches contents when they are read" if lacks else ""
    hashes = plumbing.run("rev-parse", "--show-object-format").strip()
    yield ok("clone", f"{kind} with the whole history{what}" + ("" if hashes == "sha1" else f" ({hashes})"))
    yield _history(plumbing, base.commit)


def _history(plumbing: Plumbing, commit: str) -> DoctorResult:
    """Look whether a walk along one file is short."""
    if _has_changed_paths(plumbing):
        return ok("history", "a commit-graph says which commit changed which file")
    count = int(plumbing.run("rev-list", "--count", "--first-parent", commit))
    if count < LONG_HISTORY:
        return ok("history", f"{count:,} {'commit' if count == 1 else 'commits'} deep")
    words = f"{count:,} commits deep, and no commit-graph says which of them changed which file: each walk takes long"
    return warning("history", words, f"`git commit-graph write --reachable --changed-paths`; {_MIRROR}")


def _has_changed_paths(plumbing: Plumbing) -> bool:
    """Is there a commit-graph, each file of which has the chunk of Bloom filters? See gitformat-commit-graph(5)."""
    info = plumbing.root / plumbing.run("rev-parse", "--git-path", "objects/info").strip()
    chain = info / "commit-graphs/commit-graph-chain"
    files = [info / "commit-graph"]
    if chain.is_file():
        files = [info / f"commit-graphs/graph-{name}.graph" for name in chain.read_text("ascii", "replace").split()]
    return bool(files) and all(b"BIDX" in _chunks(file) for file in files)


def _chunks(file: Path) -> list[bytes]:
    """Return the names of the chunks of one file of a commit-graph; none where it is not there, or is no such file."""
    try:
        with file.open("rb") as content:
            magic, _, _, count, _ = struct.unpack("4s4B", content.read(8))
            return [content.read(12)[:4] for _ in range(count)] if magic == b"CGPH" else []
    except (OSError, struct.error):
        return []


def commit(base: Base) -> DoctorResult:
    """Make a commit that changes nothing, as a rollback would: signed where git is configured to.

    It is on no branch, and git throws it away some day.
    """
    start = time.monotonic()
    try:
        made = base.git.build(base.commit, {}, "Try to make a commit\n", base.git.date(base.commit))
    except UserError as error:
        found = ended("commit", error, answered=True)
        return replace(found, hint=found.hint or "this account must be able to write into the clone")
    took = time.monotonic() - start
    if not base.git.is_signing:
        return ok("commit", f"made by {AUTHOR[0]}; git is not configured to sign")
    who = Plumbing(base.git.root).run("log", "-1", "--format=%cn <%ce>", made).strip()
    words = f"signed as {who}, in {took:.1f} s"
    if took > _SLOW_SIGNATURE:
        return warning("commit", words, "does the key wait for a person? At night there is none")
    return ok("commit", words)


def _setting(plumbing: Plumbing, pattern: str) -> str | None:
    """Return the last of some settings of git, None if there is none."""
    try:
        lines = plumbing.run("config", "--get-regexp", pattern).splitlines()
    except GitError:
        return None
    return lines[-1].partition(" ")[2] if lines else None
