"""The dependents of components: the versions of rollouts that pin them.

An edit of a component can break them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
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
    """A version of a rollout with its pin on a component.

    The version receives requests or is a rollback target.
    """

    rollout: str
    version: str
    pin: str


@dataclass(frozen=True)
class Dependents:
    """The dependents of one component.

    ``splits`` are pairs of stable and candidate that share their callers. ``unreadable`` are rollouts that name the
    component but do not load, so their pins are unknown.
    """

    pins: list[Dependent] = field(default_factory=list)
    splits: list[tuple[Dependent, Dependent]] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)


CallerOverlap = tuple[str, str, str, *tuple[Dependent, ...]]
"""Two versions of a component that the same callers may reach, the reason, and the dependents that pin them."""


def dependents(component: str, repository: Repository) -> Dependents:
    """Return the dependents of a component. The first call reads all rollouts."""
    return repository.unrendered.once("dependents", _by_component).get(component, Dependents())


def _by_component(repository: Repository) -> dict[str, Dependents]:
    by_component: dict[str, Dependents] = {}
    for file in map(repository.rollout, repository.names("rollouts")):
        if file and file.model:
            _add_pins(file.model, repository, by_component)
        elif file:
            for name in repository.names("components"):
                if name.encode() in file.content or b"\\" in file.content:  # the name may be escaped
                    by_component.setdefault(name, Dependents()).unreadable.append(file.stem)
    return by_component


def _add_pins(rollout: ModelRollout, repository: Repository, by_component: dict[str, Dependents]) -> None:
    split, versions = traffic.split(rollout.spec), rollout.spec.versions
    responds = split.candidate is not None and bool(split.weight or split.match)  # a mirror's responses are discarded
    for version in dict.fromkeys((*split.versions, *protected_versions(rollout, repository))):
        for component, pin in (versions[version].requires or {} if version in versions else {}).items():
            by_component.setdefault(component, Dependents()).pins.append(Dependent(rollout.metadata.name, version, pin))
    for component, theirs in (versions[split.stable].requires or {} if split.stable in versions else {}).items():
        record = versions.get(split.candidate) if split.candidate and responds else None
        ours = (record.requires or {}).get(component) if record else None
        if ours is not None and split.candidate is not None:
            stable = Dependent(rollout.metadata.name, split.stable, theirs)
            candidate = Dependent(rollout.metadata.name, split.candidate, ours)
            by_component.setdefault(component, Dependents()).splits.append((stable, candidate))


def pins_of(rollout: ModelRollout, repository: Repository) -> dict[str, Dependents]:
    """Return what one rollout contributes to the dependents of each component."""
    by_component: dict[str, Dependents] = {}
    _add_pins(rollout, repository, by_component)
    return by_component


def rollouts_naming(words: Collection[str], repository: Repository) -> list[str]:
    """Return the rollouts whose texts contain one of some names of components or targets. None is parsed.

    A text with escapes may contain any name.
    """
    if not words:
        return []
    pattern = re.compile(b"|".join([rb"\\", *(re.escape(word.encode()) for word in words)]))
    contents = ((name, repository.tree.read(f"rollouts/{name}.yaml")) for name in repository.names("rollouts"))
    return [name for name, content in contents if content is not None and pattern.search(content)]


def caller_overlaps(dependents: Dependents, order: Sequence[str], serving: Sequence[str]) -> Iterator[CallerOverlap]:
    """Yield each older and newer version that the same callers may reach.

    Each pair comes with the reason and the dependents.
    """

    def satisfying(pin: str) -> list[str]:
        return [version for version in order if satisfies(version, pin)]

    for stable, candidate in dependents.splits:
        old, new = satisfying(stable.pin)[-1:], satisfying(candidate.pin)[-1:]
        if old and new and old != new and new[0] in serving:
            yield old[0], new[0], "split", stable, candidate
    for pin in dependents.pins:
        versions = satisfying(pin.pin)
        if is_range(pin.pin):
            yield from ((old, new, "range", pin) for old, new in pairwise(versions) if new in serving)
        elif versions and versions[0] in serving:
            later = (version for version in order[order.index(versions[0]) + 1 :] if version in serving)
            yield from ((versions[0], new, "pin", pin) for new in islice(later, 1))


def version_sort_key(version: str) -> list[tuple[int, str]]:
    """Return the sort key of a version, by its numbers: 9 before 10."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"([0-9]{1,18})", version)]
