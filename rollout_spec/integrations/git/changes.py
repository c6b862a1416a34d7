"""The paths that differ between two commits."""

from __future__ import annotations

from pathlib import Path

from rollout_spec.integrations.git.command import ID, GitError, Plumbing, checked
from rollout_spec.integrations.git.working_changes import SUBMODULES


def changed_since(root: Path, old: str, new: str) -> frozenset[str] | None:
    """Return the paths that first-parent commits after ``old`` changed, up to ``new``.

    None if ``old`` is not in the first-parent history of ``new``, or was not fetched.
    """
    run, commits = Plumbing(root).run, (checked(new, ID), f"^{checked(old, ID)}")
    wanted = ("log", "--first-parent", "-m", "--no-renames", "--name-only", "-z", "--format=", SUBMODULES)
    try:
        ids = run("rev-list", "--first-parent", "--parents", *commits).splitlines()
        paths = run(*wanted, *commits) if ids and ids[-1].split()[1:2] == [old] else None
    except GitError:
        return None
    return frozenset(path for path in paths.split("\0") if path) if paths is not None else None


def differing(root: Path, one: str, other: str) -> list[str]:
    """Return the paths that differ between two commits."""
    output = Plumbing(root).run(
        "diff-tree", "-r", "-z", "--name-only", SUBMODULES, checked(one, ID), checked(other, ID)
    )
    return [path for path in output.split("\0") if path]
