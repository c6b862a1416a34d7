"""Rollbacks that are rebuilt from the incidents of a commit, on that commit's own base."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import tee

from rollout_spec.core.breach import Breach
from rollout_spec.core.errors import UserError
from rollout_spec.domain import traffic
from rollout_spec.rollback import (
    NoAction,
    NoRollbackTarget,
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
from rollout_spec.spec.incident import Incident
from rollout_spec.workflows.base_branch import Base
from rollout_spec.workflows.branch_heads import Built
from rollout_spec.workspace.repository import read_file

_MOST_INCIDENTS = 20


@dataclass(frozen=True)
class Recorded:
    """A breach as its incident records it, the restored version, and the commits that the rollback undoes."""

    breach: Breach
    reverts: tuple[str, ...] = ()
    restored: str | None = None


@dataclass(frozen=True)
class Incidents:
    """The incidents that a commit adds to a base: of the breaches that it answers, and others that it carries."""

    recorded: tuple[Recorded, ...] = ()
    carried: Mapping[str, bytes] = field(default_factory=dict)


def incidents_in(base: Base, commit: str) -> Incidents:
    """Sort the incidents that a commit adds to a base. It answers those of versions with traffic there.

    A rollback of stable only carries the incident of the candidate.
    """
    folder, git, repository = base.path("incidents"), base.git, base.repository
    base_names = set(git.names(base.commit, folder))
    answered: dict[str, Incident] = {}
    carried: dict[str, bytes] = {}
    of_stable: set[str] = set()
    for name in [name for name in git.names(commit, folder) if name not in base_names][:_MOST_INCIDENTS]:
        content = git.read(commit, f"{folder}/{name}")
        model = read_file(f"{folder}/{name}", "Incident", content).model if content is not None else None
        file = repository.rollout(model.spec.rollout) if model is not None else None
        if content is None or model is None:
            continue
        carried[f"incidents/{name}"] = content
        if file and file.model and model.spec.failed_version in traffic.split(file.model.spec).versions:
            answered[f"incidents/{name}"] = model
            of_stable |= {file.stem} if model.spec.failed_version == file.model.spec.live.stable else set()
    recorded: list[Recorded] = []
    for path, model in answered.items():
        file = repository.rollout(model.spec.rollout)
        live = file.model.spec.live if file and file.model else None
        if live and model.spec.rollout in of_stable and model.spec.failed_version != live.stable:
            continue
        recorded.append(Recorded(breach_of(model.spec), tuple(model.spec.reverts), model.spec.restored_version))
        del carried[path]
    return Incidents(tuple(sorted(recorded, key=lambda each: each.breach.rollout)), carried)


def build_again(base: Base, recorded: Sequence[Recorded], unmerged: OpenIncidents | None = None) -> Built | None:
    """Return the change that this process would build on a base for breaches, None if nothing."""
    failures = [(each.breach, _undone(each, base)) for each in recorded]
    decision: Rollback | NoRollbackTarget | NoAction | None = None
    with suppress(UserError):
        if len(failures) == 1:
            decision = roll_back(base.repository, *failures[0], open_incidents=unmerged)
        elif failures:
            by_rollout = {each.breach.rollout: unmerged for each in recorded}
            decision = roll_back_together(base.repository, failures, by_rollout)
    if decision is None or isinstance(decision, NoAction) or not decision.edits:
        return None
    return Built({base.path(path): content for path, content in decision.edits.items()}, decision.branch)


def _undone(recorded: Recorded, base: Base) -> Undone:
    """Return the commits that a rollback undoes. A shallow clone does not know them."""
    undone = undone_for(recorded.breach, base)
    if recorded.reverts and not base.git.is_shallow():
        return undone
    steps = tuple(Step(commit, datetime.min, "", None, None) for commit in recorded.reverts)
    return replace(undone, steps=steps)


def undone_for(breach: Breach, base: Base) -> Undone:
    """Return the commits that a rollback undoes: the history of the file back to the proposal of the version."""
    file = base.repository.rollout(breach.rollout)
    if file is None or file.model is None:
        return Undone()
    if base.git.is_shallow():
        return Undone(reason="this clone is shallow: its history ends too early")
    version = failed_version(file.model.spec, breach)
    cache = base.undone
    if (file.stem, version) not in cache:
        walk, again = tee(base.history(file.path))
        cache[file.stem, version] = undone_by(version, walk, retaken_at(version, again))
    return cache[file.stem, version]
