"""Checks of git, of the clone's history, and of the ability to commit."""

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
"""The first version with GIT_CONFIG_COUNT, which configures the helper that sends a token."""
LONG_HISTORY = 5_000
"""The number of commits from which a walk along one file takes seconds without a commit-graph."""
_SLOW_SIGNATURE = 10.0
_MIRROR = "`rollout-spec mirror DIR` keeps a complete clone up to date"


def git_version(plumbing: Plumbing) -> DoctorResult:
    """Check the version of git.

    No warning for other old ones: distributions patch them under the same number.
    """
    version = plumbing.run("version").strip().removeprefix("git version ")
    found = re.match(r"(\d+)\.(\d+)", version)
    if found is None:
        return unknown("git", f"git reports no version: {version}")
    least = ".".join(map(str, LEAST_GIT))
    if (int(found[1]), int(found[2])) < LEAST_GIT:
        why = "older versions cannot send the token and lack options"
        return failed("git", f"git {version} is too old: {why}", f"install git {least} or newer")
    return ok("git", f"git {version}")


def unreadable(plumbing: Plumbing) -> DoctorResult | None:
    """Return a failed result if git cannot read this clone, for example because of its owner; else None."""
    try:
        plumbing.run("rev-parse", "--git-dir")
    except GitError as error:
        hint = "run this as the owner, or let git trust it: `git config --global --add safe.directory DIR`"
        reason = error.reason.strip().partition("\n")[0]
        return failed("clone", f"git cannot read it: {reason}", hint)
    return None


def clone(base: Base, automation: Automation) -> Iterator[DoctorResult]:
    """Check that this clone has all history and folders."""
    plumbing = Plumbing(base.git.root)
    kind = "a bare repository" if plumbing.run("rev-parse", "--is-bare-repository").strip() == "true" else "a clone"
    if base.git.is_shallow():
        message = "its history is cut off: the commits that a rollback undoes and the holds of stages are unknown"
        if automation.mode == "auto-merge":
            yield failed("clone", f"{message}, so no rollback gets auto-merge", f"`git fetch --unshallow`; {_MIRROR}")
        else:
            yield warning("clone", message, f"`git fetch --unshallow`; {_MIRROR}")
        return
    lacks = _setting(plumbing, r"remote\..*\.partialclonefilter") or ""
    if lacks.startswith("tree:"):
        message = f"{kind} without folders, which are fetched one by one when they are read: this is slow"
        yield warning("clone", message, f"clone with `--filter=blob:none`; {_MIRROR}")
        return
    what = ", which fetches contents when they are read" if lacks else ""
    hashes = plumbing.run("rev-parse", "--show-object-format").strip()
    yield ok("clone", f"{kind} with the whole history{what}" + ("" if hashes == "sha1" else f" ({hashes})"))
    yield _history(plumbing, base.commit)


def _history(plumbing: Plumbing, commit: str) -> DoctorResult:
    """Check that a walk along one file is fast."""
    if _has_changed_paths(plumbing):
        return ok("history", "a commit-graph lists the changed files of each commit")
    count = int(plumbing.run("rev-list", "--count", "--first-parent", commit))
    if count < LONG_HISTORY:
        return ok("history", f"{count:,} {'commit' if count == 1 else 'commits'} deep")
    message = f"{count:,} commits deep without a commit-graph of changed files: each walk is slow"
    return warning("history", message, f"`git commit-graph write --reachable --changed-paths`; {_MIRROR}")


def _has_changed_paths(plumbing: Plumbing) -> bool:
    """Return whether each commit-graph file has the chunk of Bloom filters. See gitformat-commit-graph(5)."""
    info = plumbing.root / plumbing.run("rev-parse", "--git-path", "objects/info").strip()
    chain = info / "commit-graphs/commit-graph-chain"
    files = [info / "commit-graph"]
    if chain.is_file():
        files = [info / f"commit-graphs/graph-{name}.graph" for name in chain.read_text("ascii", "replace").split()]
    return bool(files) and all(b"BIDX" in _chunks(file) for file in files)


def _chunks(file: Path) -> list[bytes]:
    """Return the chunk names of a commit-graph file; empty if it is absent or invalid."""
    try:
        with file.open("rb") as content:
            magic, _, _, count, _ = struct.unpack("4s4B", content.read(8))
            return [content.read(12)[:4] for _ in range(count)] if magic == b"CGPH" else []
    except (OSError, struct.error):
        return []


def commit(base: Base) -> DoctorResult:
    """Build a commit without changes like a rollback's: signed if git is configured to sign.

    It is on no branch, and git deletes it later.
    """
    start = time.monotonic()
    try:
        made = base.git.build(base.commit, {}, "Try to make a commit\n", base.git.date(base.commit))
    except UserError as error:
        found = ended("commit", error, answered=True)
        return replace(found, hint=found.hint or "give this account write access to the clone")
    took = time.monotonic() - start
    if not base.git.is_signing:
        return ok("commit", f"made by {AUTHOR[0]}; git is not configured to sign")
    signer = Plumbing(base.git.root).run("log", "-1", "--format=%cn <%ce>", made).strip()
    message = f"signed as {signer}, in {took:.1f} s"
    if took > _SLOW_SIGNATURE:
        return warning("commit", message, "use a key that does not wait for a person")
    return ok("commit", message)


def _setting(plumbing: Plumbing, pattern: str) -> str | None:
    """Return the last value of settings that match a pattern, None if there is none."""
    try:
        lines = plumbing.run("config", "--get-regexp", pattern).splitlines()
    except GitError:
        return None
    return lines[-1].partition(" ")[2] if lines else None
