"""The paths that differ between two commits."""

from __future__ import annotations

from pathlib import Path

from rollout_spec.integrations.git.command import ID, GitError, Plumbing, checked


def changed_since(root: Path, old: str, new: str) -> frozenset[str] | None:
    """Return the paths that first-parent commits after ``old`` changed, up to ``new``.

    None if ``old`` is not in the first-parent history of ``new``, or was not fetched.
    """
    wanted = ("log", "--first-parent", "-m", "--no-renames", "--name-only", "-z", "--format=%x01%H %P%x01")
    try:
        output = Plumbing(root).run(*wanted, checked(new, ID), f"^{checked(old, ID)}")
    except GitError:
        return None
    _, *parts = output.split("\x01")
    ids, paths = parts[::2], parts[1::2]
    if not ids or ids[-1].split()[1:2] != [old]:
        return None
    return frozenset(path.lstrip("\n") for part in paths for path in part.split("\0") if path.strip("\n"))


def differing(root: Path, one: str, other: str) -> list[str]:
    """Return the paths that differ between two commits."""
    output = Plumbing(root).run("diff-tree", "-r", "-z", "--name-only", checked(one, ID), checked(other, ID))
    return [path for path in output.split("\0") if path]
