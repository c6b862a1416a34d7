"""A component is pinned by versions of models; those that are live are the ones that an edit of it can break."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice, pairwise
from typing import TYPE_CHECKING

from rollout_spec.domain import traffic
from rollout_spec.domain.pins import is_range, satisfies
from rollout_spec.domain.rollback_targets import protected_versions
from rollout_spec.workspace.repository import Repository

if TYPE_CHECKING:
    from rollout_spec.spec.rollout import ModelRollout


@dataclass(frozen=True)
class Dependent:
    """A live version of a rollout: one that takes requests, or that a rollback goes to, and what it pins."""

    rollout: str
    version: str
    pin: str


@dataclass(frozen=True)
class Dependents:
    """Who pins one component. ``splits`` are stable and candidate of rollouts whose callers may meet either.

    ``unread`` are rollouts that name the component and do not load: which version of it they need cannot be told.
    """

    pins: list[Dependent] = field(default_factory=list)
    splits: list[tuple[Dependent, Dependent]] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)


CallerOverlap = tuple[str, str, str, *tuple[Dependent, ...]]
"""An older and a newer version of a component, why their callers meet, and the versions of models that pin them."""


def dependents(component: str, repository: Repository) -> Dependents:
    """Return who pins a component. The first to ask has all rollouts read."""
    return repository.once("dependents", _by_component).get(component, Dependents())


def _by_component(repository: Repository) -> dict[str, Dependents]:
    found: dict[str, Dependents] = {}
    for file in map(repository.rollout, repository.names("rollouts")):
        if file and file.model:
            _note(file.model, repository, found)
        elif file:
            for name in repository.names("components"):
                if name.encode() in file.content:
                    found.setdefault(name, Dependents()).unreadable.append(file.stem)
    return found


def _note(rollout: ModelRollout, repository: Repository, found: dict[str, Dependents]) -> None:
    split, versions = traffic.split(rollout.spec), rollout.spec.versions
    answers = split.candidate is not None and bool(split.weight or split.match)  # what is mirrored is thrown away
    for version in dict.fromkeys((*split.versions, *protected_versions(rollout, repository))):
        for component, pin in (versions[version].requires or {} if version in versions else {}).items():
            found.setdefault(component, Dependents()).pins.append(Dependent(rollout.metadata.name, version, pin))
    for component, theirs in (versions[split.stable].requires or {} if split.stable in versions else {}).items():
        record = versions.get(split.candidate) if split.candidate and answers else None
        ours = (record.requires or {}).get(component) if record else None
        if ours is not None and split.candidate is not None:
            stable = Dependent(rollout.metadata.name, split.stable, theirs)
            candidate = Dependent(rollout.metadata.name, split.candidate, ours)
            found.setdefault(component, Dependents()).splits.append((stable, candidate))


def caller_overlaps(found: Dependents, order: Sequence[str], serving: Sequence[str]) -> Iterator[CallerOverlap]:
    """Give an older and a newer version whose callers meet, why they do, and which versions of models pin them."""

    def met(pin: str) -> list[str]:
        return [version for version in order if satisfies(version, pin)]

    for stable, candidate in found.splits:
        old, new = met(stable.pin)[-1:], met(candidate.pin)[-1:]
        if old and new and old != new and new[0] in serving:
            yield old[0], new[0], "split", stable, candidate
    for each in found.pins:
        versions = met(each.pin)
        if is_range(each.pin):
            yield from ((old, new, "range", each) for old, new in pairwise(versions) if new in serving)
        elif versions and versions[0] in serving:
            later = (version for version in order[order.index(versions[0]) + 1 :] if version in serving)
            yield from ((versions[0], new, "pin", each) for new in islice(later, 1))


def version_sort_key(version: str) -> list[tuple[int, str]]:
    """Return what versions are sorted by, as people sort them: 9 before 10."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"([0-9]{1,18})", version)]
