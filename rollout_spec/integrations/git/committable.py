"""Obstacles to a commit: uncommitted edits of its files, an unfinished merge, an unknown committer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from rollout_spec.core.errors import UserError
from rollout_spec.core.text import join_some
from rollout_spec.integrations.git.command import GitError, Plumbing
from rollout_spec.integrations.git.entries import TreeEntry, committed, same, staged

_MOST_NAMED = 3
_UNFINISHED = {
    "MERGE_HEAD": "merge",
    "CHERRY_PICK_HEAD": "cherry-pick",
    "REVERT_HEAD": "revert",
    "rebase-merge": "rebase",
    "rebase-apply": "rebase",
}


def check(plumbing: Plumbing, head: str | None, paths: Sequence[str]) -> set[str]:
    """Return the files that a sparse checkout leaves out; they are committed but not written to disk.

    UserError if a commit would include uncommitted edits, or cannot be made.
    """
    _check_finished(plumbing.folder)
    run, index = plumbing.run, staged(plumbing.run, paths)
    output = run("status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=all", "--", *paths)
    changed = {entry[3:] for entry in output.split("\0") if entry} | set(_hidden_edits(plumbing, head, index))
    if changed:
        raise UserError(
            f"{join_some(sorted(changed), _MOST_NAMED)} {'has' if len(changed) == 1 else 'have'} uncommitted changes",
            hint="commit or discard them first: one step is one commit",
            status=1,
        )
    _check_ignored(plumbing, [path for path in paths if path not in index])
    for role in ("AUTHOR", "COMMITTER"):
        try:
            run("var", f"GIT_{role}_IDENT")
        except GitError:
            raise UserError(
                "user.name or user.email of git is not set",
                hint="run `git config user.name NAME` and `git config user.email ADDRESS`",
            ) from None
    return {path for path, entry in index.items() if entry.skip and not (plumbing.root / path).exists()}


def _check_finished(folder: Path) -> None:
    """Raise GitError, with git's own message, if a merge or the like is unfinished."""
    for name, action in _UNFINISHED.items():
        if (folder / name).exists():
            raise GitError(
                "git commit failed",
                f"fatal: cannot do a partial commit during a {action}.",
                hint=f"finish it with `git {action} --continue`, or abort it with `git {action} --abort`",
            )


def _hidden_edits(plumbing: Plumbing, head: str | None, index: Mapping[str, TreeEntry]) -> Iterator[str]:
    """Yield the files that differ from the commit and have a flag that hides this from git."""
    marked = [path for path, entry in index.items() if entry.skip or entry.assume]
    entries = committed(plumbing.run, head, marked)
    for path in marked:
        file = plumbing.root / path
        if not same(index[path], entries.get(path)):
            yield path
        elif file.is_file():
            if plumbing.run("hash-object", f"--path={path}", "--", str(file)).strip() != index[path].oid:
                yield path
        elif not index[path].skip:
            yield path


def _check_ignored(plumbing: Plumbing, new: Sequence[str]) -> None:
    """Raise UserError if git ignores one of the new files."""
    literal = {"GIT_LITERAL_PATHSPECS": "0"}  # check-ignore supports no other
    names = "".join(f"./{path}\0" for path in new).encode()
    try:
        output = plumbing.run("check-ignore", "-z", "--stdin", stdin=names, environment=literal) if new else ""
    except GitError as error:
        if error.reason.strip():
            raise
        return  # git ignores none of them
    ignored = [path.removeprefix("./") for path in output.split("\0") if path]
    if ignored:
        raise UserError(
            f"{join_some(ignored, _MOST_NAMED)} cannot be committed: .gitignore ignores it",
            hint="remove the pattern from .gitignore",
            status=1,
        )
