"""The paths at which a working tree differs from a commit.

They were committed, staged or edited since, or git does not track or even ignores them.
"""

from __future__ import annotations

import os
from pathlib import Path

from rollout_spec.integrations.git.command import ID, Plumbing, checked

SUBMODULES = "--ignore-submodules=dirty"
"""Without this option, a .gitmodules of anybody may hide submodules."""
_STATUS = (
    *("status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=normal", "--ignored=traditional"),
    SUBMODULES,
)


def changes_since(root: Path, commit: str) -> frozenset[str] | None:
    """Return the paths, from the git root, at which the working tree differs from a commit.

    An untracked folder is one path. Empty folders, and files that are neither regular nor links, are not listed. None
    if git was told not to look at some files: ``assume-unchanged``, ``skip-worktree``, or a sparse checkout.
    """
    run = Plumbing(root).output
    entries = b"\0" + run("ls-files", "-v", "-z", "--cached")
    if entries.count(b"\0H ") != entries.count(b"\0") - 1:  # H: compared with the disk, and without a conflict
        return None
    since = ("diff-tree", "-r", "-z", "--name-only", "--no-renames", SUBMODULES, checked(commit, ID), "HEAD")
    committed = run(*since, "--").split(b"\0")
    present = (entry[3:] for entry in run(*_STATUS).split(b"\0"))
    return frozenset(os.fsdecode(path) for path in (*committed, *present) if path)
