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
    UndoneCommits,
    failed_version,
    roll_back,
    roll_back_together,
    rollback_reverted_at,
    undone_commits,
)
from rollout_spec.rollback.incident import breach_of
from rollout_spec.spec.incident import Incident
from rollout_spec.workflows.base_branch import Base
from rollout_spec.workflows.branch_heads import Built
from rollout_spec.workflows.incident_limits import has_large_folder, read_incident, refusal


@dataclass(frozen=True)
class Recorded:
    """A breach as its incident records it, the restored version, and the commits that the rollback undoes."""

    breach: Breach
    reverts: tuple[str, ...] = ()
    restored: str | None = None


@dataclass(frozen=True)
class Incidents:
    """The incidents that a commit adds to a base.

    Some are of the breaches that it answers. It carries the others.
    """

    recorded: tuple[Recorded, ...] = ()
    carried: Mapping[str, bytes] = field(default_factory=dict)


def incidents_in(base: Base, commit: str) -> Incidents:
    """Sort the incidents that a commit adds to a base. It answers those of versions with traffic there.

    A rollback of stable only carries the incident of the candidate. Incidents that exceed the limits are not read: the
    commit is then not one of this tool.
    """
    folder, git, repository = base.path("incidents"), base.git, base.repository
    base_names = set(git.names(base.commit, folder))
    answered: list[tuple[str, Incident, bool]] = []
    carried: dict[str, bytes] = {}
    names = git.names(commit, folder) if not has_large_folder(base, commit, folder) else ()
    paths = [f"{folder}/{name}" for name in names if name not in base_names]
    for path in paths if refusal(base, commit, paths) is None else ():
        name, content = path.rpartition("/")[2], git.read(commit, path)
        model = read_incident(path, content) if content is not None else None
        file = repository.rollout(model.spec.rollout) if model is not None else None
        if content is None or model is None:
            continue
        carried[f"incidents/{name}"] = content
        if file and file.model and model.spec.failed_version in traffic.split(file.model.spec).versions:
            is_of_stable = model.spec.failed_version == file.model.spec.live.stable
            answered.append((f"incidents/{name}", model, is_of_stable))
    stable_failed = {model.spec.rollout for _, model, is_of_stable in answered if is_of_stable}
    recorded: list[Recorded] = []
    for path, model, is_of_stable in answered:
        if is_of_stable or model.spec.rollout not in stable_failed:
            recorded.append(Recorded(breach_of(model.spec), tuple(model.spec.reverts), model.spec.restored_version))
            del carried[path]
    return Incidents(tuple(sorted(recorded, key=lambda each: each.breach.rollout)), carried)


def incidents_of_head(base: Base, head: str) -> tuple[Base, Incidents] | None:
    """Return the base of a head and the incidents that it adds there. None without a common commit."""
    own = base.git.parted(base.commit, head)
    if own is None:
        return None
    own_base = replace(base, commit=own)
    return own_base, incidents_in(own_base, head)


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


def is_exact_commit(base: Base, head: str) -> bool:
    """Return whether a head is the exact commit that this tool makes for one breach.

    It may carry incidents of branches that are gone. A commit that a person amended or extended is another one. A
    signature may contain a time, so a signed commit is not recognized.
    """
    git, added = base.git, incidents_of_head(base, head)
    if added is None or git.parents(head) != [added[0].commit]:
        return False
    own_base, found = added
    built = build_again(own_base, found.recorded, OpenIncidents(found.carried)) if len(found.recorded) == 1 else None
    if built is None:
        return False
    message, date = git.message(head).rstrip("\n") + "\n", found.recorded[0].breach.observed_at
    with suppress(UserError):  # this process did not build what it cannot build
        return git.build(own_base.commit, built.edits, message, date) == head
    return False


def _undone(recorded: Recorded, base: Base) -> UndoneCommits:
    """Return the commits that a rollback undoes. A shallow clone does not know them."""
    undone = undone_for(recorded.breach, base)
    if recorded.reverts and not base.git.is_shallow():
        return undone
    steps = tuple(Step(commit, datetime.min, "", None, None) for commit in recorded.reverts)
    return replace(undone, steps=steps)


def undone_for(breach: Breach, base: Base) -> UndoneCommits:
    """Return the commits that a rollback undoes.

    This is the history of the file back to the proposal of the version.
    """
    file = base.repository.rollout(breach.rollout)
    if file is None or file.model is None:
        return UndoneCommits()
    if base.git.is_shallow():
        return UndoneCommits(reason="this clone is shallow: its history ends too early")
    version = failed_version(file.model.spec, breach)
    cache = base.undone
    if (file.stem, version) not in cache:
        walk, again = tee(base.history(file.path))
        cache[file.stem, version] = undone_commits(version, walk, rollback_reverted_at(version, again))
    return cache[file.stem, version]
