"""A rollback is refused by what it brings, never by what stood before: nothing is to keep a bad version up."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime

from rollout_spec.check import check, introduced
from rollout_spec.finding import Finding
from rollout_spec.repository import Repository
from rollout_spec.rollback import Rollback
from rollout_spec.spec.kinds import FOLDERS


def result(repository: Repository, rollback: Rollback) -> Repository:
    """Return the repository as it would be after a rollback."""
    return repository.edited(rollback.edits)


def new_findings(
    repository: Repository, rollback: Rollback, *, prefix: str = "", now: datetime | None = None
) -> tuple[list[Finding], list[Finding]]:
    """Check the files that a rollback touches, before it and after it.

    Returns the errors that it would bring, and those that stood before and stay: only the first may refuse it. That no
    further way back is left afterwards is no reason to stay, so that ``rollback-ready`` is not asked.
    """
    after = result(repository, rollback)
    paths = [path for path, content in rollback.edits.items() if content is not None and path.split("/")[0] in FOLDERS]
    switched = {each.component for each in rollback.switches if not each.stays}
    paths += (path for path in _pinning(switched, after) if path not in paths)
    there = [path for path in paths if repository.tree.read(path) is not None]
    later = check(after, paths=paths, base=repository, prefix=prefix, now=now)
    if not later.failed:  # then it does not matter what stood before
        return [], []
    earlier = check(repository, paths=there, prefix=prefix, now=now)
    fresh = [each for each in introduced(earlier, later) if each.name != "rollback-ready"]
    return fresh, [each for each in later.findings if each.severity == "error" and each not in fresh]


def _pinning(components: Collection[str], repository: Repository) -> Iterator[str]:
    """Give the rollouts of which any record pins one of these components: a switch is a matter of theirs too."""
    for file in map(repository.rollout, repository.names("rollouts") if components else ()):
        records = file.model.spec.versions.values() if file and file.model else ()
        if file and any(name in components for record in records for name in record.requires or {}):
            yield file.path
