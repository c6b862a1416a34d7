"""Reasons not to commit a step: somebody's edits of its files, an unfinished merge, an unknown committer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from rollout_spec.core.errors import UserError
from rollout_spec.integrations.git.command import GitError, Plumbing
from rollout_spec.integrations.git.entries import TreeEntry, committed, same, staged

_UNFINISHED = {
    "MERGE_HEAD": "merge",
    "CHERRY_PICK_HEAD": "cherry-pick",
    "REVERT_HEAD": "revert",
    "rebase-merge": "rebase",
    "rebase-apply": "rebase",
}


def check(plumbing: Plumbing, head: str | None, paths: Sequence[str]) -> set[str]:
    """UserError if a commit of these files would take somebody's edits along, or could not be made.

    Return the files that a sparse checkout leaves out: they are committed, and not put on disk.
    """
    _check_finished(plumbing.folder)
    run, index = plumbing.run, staged(plumbing.run, paths)
    told = run("status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=all", "--", *paths)
    found = {entry[3:] for entry in told.split("\0") if entry} | set(_hidden_edits(plumbing, head, index))
    if found:
        raise UserError(
            f"{', '.join(sorted(found)[:3])} {'has' if len(found) == 1 else 'have'} changes that are not committed",
            hint="commit them or take them back first: one step is one commit",
            status=1,
        )
    _check_ignored(plumbing, [path for path in paths if path not in index])
    for role in ("AUTHOR", "COMMITTER"):
        try:
            run("var", f"GIT_{role}_IDENT")
        except GitError:
            raise UserError(
                "git does not know who commits",
                hint="`git config user.name NAME` and `git config user.email ADDRESS` say so",
            ) from None
    return {path for path, entry in index.items() if entry.skip and not (plumbing.root / path).exists()}


def _check_finished(folder: Path) -> None:
    """GitError, in git's own words, if a merge or the like has to be finished first."""
    for name, action in _UNFINISHED.items():
        if (folder / name).exists():
            raise GitError(
                "git commit failed",
                f"fatal: cannot do a partial commit during a {action}.",
                hint=f"finish it with `git {action} --continue`, or end it with `git {action} --abort`",
            )


def _hidden_edits(plumbing: Plumbing, head: str | None, index: Mapping[str, TreeEntry]) -> Iterator[str]:
    """Give the files that differ from the commit though git was told not to look at them."""
    marked = [path for path, entry in index.items() if entry.skip or entry.assume]
    known = committed(plumbing.run, head, marked)
    for path in marked:
        file = plumbing.root / path
        if not same(index[path], known.get(path)):
            yield path
        elif file.is_file():
            if plumbing.run("hash-object", f"--path={path}", "--", str(file)).strip() != index[path].oid:
                yield path
        elif not index[path].skip:
            yield path


def _check_ignored(plumbing: Plumbing, new: Sequence[str]) -> None:
    """UserError if git ignores a file that it does not have yet."""
    literal = {"GIT_LITERAL_PATHSPECS": "0"}  # this command knows no other
    names = "".join(f"./{path}\0" for path in new).encode()
    try:
        told = plumbing.run("check-ignore", "-z", "--stdin", stdin=names, environment=literal) if new else ""
    except GitError as error:
        if error.words.strip():
            raise
        return  # it ignores none
    ignored = [path.removeprefix("./") for path in told.split("\0") if path]
    if ignored:
        raise UserError(
            f"{', '.join(ignored[:3])} cannot be committed: .gitignore ignores it",
            hint="take it out of .gitignore",
            status=1,
        )
