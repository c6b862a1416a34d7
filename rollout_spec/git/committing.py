"""A person's commit holds what one step changed, and nothing else that lies about in the index or the working tree."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rollout_spec.errors import UserError
from rollout_spec.git.plumbing import GitError, Plumbing


def check_can_commit(root: Path, paths: Sequence[str]) -> None:
    """UserError where a commit of these files would take somebody's edits along, or could not be made.

    Paths are from the git root.
    """
    run = Plumbing(root).run
    told = run("status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=all", "--", *paths)
    found = [entry[3:] for entry in told.split("\0") if entry]
    if found:
        raise UserError(
            f"{', '.join(found[:3])} {'has' if len(found) == 1 else 'have'} changes that are not committed",
            hint="commit them or take them back first: one step is one commit",
            status=1,
        )
    for role in ("AUTHOR", "COMMITTER"):
        try:
            run("var", f"GIT_{role}_IDENT")
        except GitError:
            raise UserError(
                "git does not know who commits",
                hint="`git config user.name NAME` and `git config user.email ADDRESS` say so",
            ) from None


def commit(root: Path, paths: Sequence[str], message: str) -> str:
    """Commit these files as they lie on disk, on what is checked out, and return the commit.

    What else is staged stays staged. No hook runs. It is signed where git is configured to sign.
    """
    run = Plumbing(root).run
    there = [path for path in paths if (root / path).exists()]
    if there:
        run("add", "--intent-to-add", "--", *there)  # new files: git takes no others by their path
    words = ("commit", "--quiet", "--no-verify", "--cleanup=verbatim", "--file=-", "--only", "--", *paths)
    try:
        run(*words, stdin=message.encode(), action="git commit failed")
    except GitError:
        run("reset", "--quiet", "--", *paths)
        raise
    return run("rev-parse", "--verify", "HEAD").strip()
