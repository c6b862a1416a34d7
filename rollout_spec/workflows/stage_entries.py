"""The commits that moved candidates to their stages, from one walk through the history."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING

from rollout_spec.core.parallel import spread
from rollout_spec.domain.history import Step
from rollout_spec.integrations.git.file_log import FileChange, FileLog, LoggedCommit
from rollout_spec.lifecycle import entry_commit
from rollout_spec.spec.rollout import Live
from rollout_spec.workspace.loader import read_file

if TYPE_CHECKING:
    from rollout_spec.workflows.base_branch import Base

_FIRST_COMMITS = 1000
_MOST_COMMITS = 16_000
SHALLOW = "this clone is shallow"
NOT_FOUND = "the history of the file does not tell"

Changes = list[tuple[LoggedCommit, FileChange]]


class OlderCommitsNeededError(Exception):
    """The read part of a history does not decide."""


def stage_entries(base: Base, wanted: Mapping[str, Live]) -> dict[str, Step | str]:
    """Return the commit that moved each candidate to its stage, or a reason.

    The reason says why the commit is unknown. ``wanted`` has the present ``live`` of each rollout, by name. ``advance``
    decides by the same function.
    """
    if base.git.is_shallow():
        return dict.fromkeys(wanted, SHALLOW)
    log = FileLog(base.git.plumbing)
    paths = {base.path(f"rollouts/{name}.yaml"): name for name in wanted}
    found: dict[str, Step | str] = {}
    for changes in batches(log, base, paths):
        open_names = [name for name in changes if name not in found]
        results = spread(partial(_entry, log, wanted, changes), open_names)
        found |= {name: result for name, result in zip(open_names, results, strict=True) if result is not None}
        if len(found) == len(wanted):
            break
    return dict.fromkeys(wanted, NOT_FOUND) | found


def batches(log: FileLog, base: Base, paths: Mapping[str, str]) -> Iterator[dict[str, Changes]]:
    """Yield the changes of the rollouts, by name, newest first, in growing batches of commits."""
    start: str | None = base.commit
    folder = base.path("rollouts") if len(paths) > 1 else next(iter(paths), "")
    count = _FIRST_COMMITS if len(paths) > 1 else 4
    while start is not None and paths:
        commits = log.commits(start, folder, count)
        changes: dict[str, Changes] = {}
        for commit in commits:
            for change in commit.changes:
                if (name := paths.get(change.path)) is not None:
                    changes.setdefault(name, []).append((commit, change))
        yield changes
        start = next(iter(commits[-1].parents), None) if len(commits) == count else None
        count = min(4 * count, _MOST_COMMITS)


def _entry(log: FileLog, wanted: Mapping[str, Live], changes: Mapping[str, Changes], name: str) -> Step | str | None:
    """Return the entry of a candidate, None if older commits are needed."""
    try:
        return entry_commit(wanted[name], steps(log, wanted[name], changes[name])) or NOT_FOUND
    except OlderCommitsNeededError:
        return None


def steps(log: FileLog, live: Live, changes: Changes) -> Iterator[Step]:
    """Yield the steps of one file, newest first. ``live`` is its state after them.

    OlderCommitsNeededError at the end: the history may go on.
    """
    after: Live | None = live
    for commit, change in changes:
        before = _live(log, change.before)
        yield Step(commit.sha, commit.date, commit.subject, after, before, next(iter(commit.parents), None))
        after = before
    raise OlderCommitsNeededError


def _live(log: FileLog, oid: str | None) -> Live | None:
    model = read_file("", "ModelRollout", log.content(oid)).model if oid is not None else None
    return model.spec.live if model is not None else None
