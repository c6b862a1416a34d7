"""The drill of a workspace: its rollouts in parallel, and the record of verified ones."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from rollout_spec.checks.rules import TRAFFIC_RENDERED, Subject
from rollout_spec.checks.runner import check, is_sound
from rollout_spec.core.errors import ChangedError, UserError
from rollout_spec.core.parallel import spread
from rollout_spec.core.yaml.entries import CannotEditError
from rollout_spec.workflows import locate as location
from rollout_spec.workflows.checkout import Checkout
from rollout_spec.workflows.drill.outcomes import DrillOutcome, drill
from rollout_spec.workflows.locate import WorkspaceLocation
from rollout_spec.workflows.sparse_checkout import check_complete
from rollout_spec.workspace.edits import with_drilled
from rollout_spec.workspace.repository import Repository
from rollout_spec.workspace.watched import Seen, Watched

Progress = Callable[[int, int], None] | None
"""A function that is called with the number of drilled rollouts and of all."""


@dataclass(frozen=True)
class WorkspaceDrill:
    """The outcomes of a drill by rollout, and the files that it read.

    ``seen`` were read by other processes.
    """

    drills: list[list[DrillOutcome]]
    tree: Watched
    seen: Seen

    def is_current(self) -> bool:
        """Return whether all files that were read are unchanged."""
        try:
            self.tree.check_unchanged(self.seen)
        except ChangedError:
            return False
        return True


def drill_without_lock(
    names: Sequence[str], here: WorkspaceLocation, now: datetime, progress: Progress
) -> WorkspaceDrill | None:
    """Drill without a lock; None if files changed while they were read."""
    try:
        return drill_workspace(names, here, now, progress)
    except ChangedError:
        return None


def drill_workspace(names: Sequence[str], here: WorkspaceLocation, now: datetime, progress: Progress) -> WorkspaceDrill:
    """Drill rollouts, all of them if no names are given. ChangedError if files change meanwhile."""
    tree = Watched(here.repository().tree)
    repository = Repository(tree)
    location.refuse_link(here.workspace, "rollouts")
    check_complete(here, repository)
    repository.refuse_unknown(names)
    names = list(dict.fromkeys(names)) or repository.names("rollouts")
    results = list(_drilled(names, repository, tree, now, progress))
    seen: Seen = {}
    for key, digest in (item for _, each in results for item in each.items()):
        if seen.setdefault(key, digest) != digest:
            raise ChangedError(key[-1])
    return WorkspaceDrill([drills for drills, _ in results], tree, seen)


def _drilled(
    names: Sequence[str], repository: Repository, tree: Watched, now: datetime, progress: Progress
) -> Iterator[tuple[list[DrillOutcome], Seen]]:
    """Yield the outcomes of each rollout in order, with the files that another process read for it."""
    owner = os.getpid()

    def drilled(name: str) -> tuple[list[DrillOutcome], Seen]:
        found, seen = _all_of(name, repository, now), {}
        if os.getpid() != owner:
            seen = dict(tree.seen)
            tree.seen.clear()
        return found, seen

    for done, found in enumerate(spread(drilled, names), 1):
        if progress:
            progress(done, len(names))
        yield found


def _all_of(name: str, repository: Repository, now: datetime) -> list[DrillOutcome]:
    """Drill one rollout. One with errors gets a single failed outcome."""
    file = repository.rollout(name)
    if file is None:
        why = f"run `rollout-spec check` for the error in rollouts/{name}.yaml"
        return [DrillOutcome(name, "not sound", True, None, None, "failed", why)]
    for each in (file, *(Subject(file, repository).inputs if file.model else ())):
        if not is_sound(each, repository):
            why = f"fix the errors of `rollout-spec check {each.path}` first"
            return [DrillOutcome(name, "not sound", True, None, None, "failed", why)]
    report = check(repository, paths=[file.path])
    for finding in report.findings:
        if finding.name == TRAFFIC_RENDERED and finding.severity == "error":  # a rollback would move no traffic
            return [DrillOutcome(name, "not routed", True, None, None, "failed", finding.message)]
    return list(drill(repository, name, now=now))


def record_drill(
    names: Sequence[str], tree: Watched, here: WorkspaceLocation, checkout: Checkout, now: datetime
) -> Iterator[str]:
    """Write the time into verified rollouts, and yield their paths. The others keep their last time."""
    for path in (f"rollouts/{name}.yaml" for name in names):
        content = tree.read(path)
        if content is None:
            raise ChangedError(path)
        try:
            wanted = with_drilled(content, now)
        except CannotEditError as error:
            raise UserError(f"{path}: {error.message}", hint=error.hint) from None
        checkout.put(str((here.workspace / path).relative_to(checkout.root)), wanted, content)
        yield path
