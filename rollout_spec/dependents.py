"""A component is pinned by versions of models; those that are live are the ones that an edit of it can break."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from rollout_spec import traffic
from rollout_spec.known_good import ways_back
from rollout_spec.repository import Repository

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
    unread: list[str] = field(default_factory=list)


_FOUND: WeakKeyDictionary[Repository, dict[str, Dependents]] = WeakKeyDictionary()


def dependents(component: str, repository: Repository) -> Dependents:
    """Return who pins a component. The first to ask has all rollouts read."""
    if repository not in _FOUND:
        found: dict[str, Dependents] = {}
        for file in map(repository.rollout, repository.names("rollouts")):
            if file and file.model:
                _note(file.model, repository, found)
            elif file:
                for name in repository.names("components"):
                    if name.encode() in file.content:
                        found.setdefault(name, Dependents()).unread.append(file.stem)
        _FOUND[repository] = found
    return _FOUND[repository].get(component, Dependents())


def _note(rollout: ModelRollout, repository: Repository, found: dict[str, Dependents]) -> None:
    split, versions = traffic.split(rollout.spec), rollout.spec.versions
    answers = split.candidate is not None and bool(split.weight or split.match)  # what is mirrored is thrown away
    for version in dict.fromkeys((*split.versions, *ways_back(rollout, repository))):
        for component, pin in (versions[version].requires or {} if version in versions else {}).items():
            found.setdefault(component, Dependents()).pins.append(Dependent(rollout.metadata.name, version, pin))
    for component, theirs in (versions[split.stable].requires or {} if split.stable in versions else {}).items():
        record = versions.get(split.candidate) if split.candidate and answers else None
        ours = (record.requires or {}).get(component) if record else None
        if ours is not None and split.candidate is not None:
            stable = Dependent(rollout.metadata.name, split.stable, theirs)
            candidate = Dependent(rollout.metadata.name, split.candidate, ours)
            found.setdefault(component, Dependents()).splits.append((stable, candidate))
