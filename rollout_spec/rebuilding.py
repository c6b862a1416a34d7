"""A rollback that another process built is built again: of the breach that its incident records, on its own base."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import tee

from rollout_spec.breach import Breach
from rollout_spec.errors import UserError
from rollout_spec.heads import Built
from rollout_spec.landing import Base
from rollout_spec.repository import read_file
from rollout_spec.rollback import (
    Nothing,
    NoWayBack,
    OpenIncidents,
    Rollback,
    Step,
    Undone,
    failed_version,
    retaken_at,
    roll_back,
    roll_back_together,
    undone_by,
)
from rollout_spec.rollback.incident import breach_of

_MOST_INCIDENTS = 20


@dataclass(frozen=True)
class Recorded:
    """A breach as an incident records it, and the commits that its rollback undoes."""

    breach: Breach
    reverts: tuple[str, ...] = ()


def recorded_in(base: Base, commit: str, carried: Collection[str] = ()) -> tuple[Recorded, ...]:
    """Return the breaches of which a commit adds incidents to a base, by rollout.

    ``carried`` are paths of incidents, from the workspace's folder, that such a commit brings along.
    """
    folder, git = base.path("incidents"), base.git
    new = [name for name in git.names(commit, folder) if name not in git.names(base.commit, folder)]
    found = []
    for name in new[:_MOST_INCIDENTS]:
        path = f"{folder}/{name}"
        content = git.read(commit, path)
        model = read_file(path, "Incident", content).model if content is not None else None
        if model is not None and f"incidents/{name}" not in carried:
            found.append(Recorded(breach_of(model.spec), tuple(model.spec.reverts)))
    return tuple(sorted(found, key=lambda each: each.breach.rollout))


def build_again(base: Base, recorded: Sequence[Recorded], unmerged: OpenIncidents | None = None) -> Built | None:
    """Return what this process would build on a base in answer to breaches; None if nothing."""
    failures = [(each.breach, _undone(each, base)) for each in recorded]
    decision: Rollback | NoWayBack | Nothing | None = None
    with suppress(UserError):
        if len(failures) == 1:
            decision = roll_back(base.repository, *failures[0], open_incidents=unmerged)
        elif failures:
            decision = roll_back_together(base.repository, failures, unmerged)
    if decision is None or isinstance(decision, Nothing) or not decision.edits:
        return None
    return Built({base.path(path): content for path, content in decision.edits.items()}, decision.branch)


def _undone(recorded: Recorded, base: Base) -> Undone:
    """Return the commits that a rollback undoes. A shallow clone cannot know them, and writes none."""
    known = undone_for(recorded.breach, base)
    if recorded.reverts and not base.git.is_shallow():
        return known
    steps = tuple(Step(commit, datetime.min, "", None, None) for commit in recorded.reverts)
    return replace(known, steps=steps)


def undone_for(breach: Breach, base: Base) -> Undone:
    """Find the commits that a rollback undoes, by walking the file's history to the one that proposed the version."""
    file = base.repository.rollout(breach.rollout)
    if file is None or file.model is None:
        return Undone()
    if base.git.is_shallow():
        return Undone(reason="this clone is shallow, and its history ends too early")
    version = failed_version(file.model.spec, breach)
    memo = base.undone
    if (file.stem, version) not in memo:
        walk, again = tee(base.history(file.path))
        memo[file.stem, version] = undone_by(version, walk, retaken_at(version, again))
    return memo[file.stem, version]
