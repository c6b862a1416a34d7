"""A policy about one rollout sees that rollout and what belongs to it, however many others there are.

``components`` are those that its versions pin, ``incidents`` its own, oldest first. What no expression names is not
read: only ``workspace.inFlight`` looks at other rollouts, once for all.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from rollout_spec.checks.policies.cel import VARIABLES, Failed, PolicyVerdict, Program, bind
from rollout_spec.checks.policies.cel_values import LONGEST_SUMMAND, Unseen, counted, longest, time, view
from rollout_spec.checks.policies.types import IN_FLIGHT
from rollout_spec.domain.incidents import readings
from rollout_spec.workspace.loader import File
from rollout_spec.workspace.repository import Repository

if TYPE_CHECKING:
    from rollout_spec.spec.component import Component
    from rollout_spec.spec.rollout import ModelRollout


@dataclass(frozen=True)
class Values:
    """What expressions may ask of a rollout, ``bound`` for programs; ``longest`` is its longest text, if any adds."""

    seen: dict[str, Any]
    longest: int
    unknown: Mapping[str, str] = field(default_factory=dict)
    """Variables that cannot be told in full, each with the file that does not load."""

    @cached_property
    def bound(self) -> Any:
        """What is seen, in the form that programs take."""
        return bind(self.seen)

    def unread(self, expression: str) -> Failed | None:
        """Return the failure of an expression that asks for what does not load, None if it does not."""
        name = min(self.unknown.keys() & _named(expression), default=None)
        why = f"`{name}` is not known: {self.unknown[name]} does not load" if name is not None else ""
        return Failed(why, is_unread=True) if name is not None else None

    def judge(self, program: Program, expression: str) -> PolicyVerdict:
        """Evaluate the program of an expression; it fails if it asks for what does not load."""
        unread = self.unread(expression)
        if unread is not None:
            return unread
        if "+" in expression and self.longest > LONGEST_SUMMAND:
            words = (
                f"a text has {self.longest:,} characters, and a policy that adds looks at {LONGEST_SUMMAND:,} at most"
            )
            return Failed(words)
        return program.judge(self.bound)


def bound(seen: dict[str, Any], expressions: str, unknown: Mapping[str, str] | None = None) -> Values:
    """Return what ``expressions`` see, by the names of the variables."""
    return Values(seen, longest(seen) if "+" in expressions else 0, unknown or {})


def values(
    rollout: File[ModelRollout], repository: Repository, base: Repository | None, now: datetime, expressions: str
) -> Values | Failed:
    """Return what ``expressions`` may ask of a rollout; ``Failed`` where it holds what none may look at."""
    named = _named(expressions)
    seen: dict[str, Any] = {}
    unknown: dict[str, str] = {}
    model = rollout.model
    assert model is not None
    try:
        if "rollout" in named:
            seen["rollout"] = view(model)
        if "base" in named:
            before = base.rollout(rollout.stem) if base else None
            seen["base"] = view(before.model) if before and before.model else None
            unknown |= {"base": f"{before.path} on the base"} if before and not before.model else {}
        if "components" in named:
            components = _components(model, repository)
            seen["components"] = {name: view(file.model) for name, file in components.items() if file.model}
            unread = [file.path for file in components.values() if not file.model]
            unknown |= {"components": unread[0]} if unread else {}
        if "incidents" in named:
            files = repository.incidents_of(model.metadata.name)
            seen["incidents"] = [view(file.model) for file in files if file.model]
            unread = [each.file.path for each in readings(model, repository) if each.incident is None]
            unknown |= {"incidents": unread[0]} if unread else {}
        if "workspace" in named:
            seen["workspace"] = _workspace(repository, flying=IN_FLIGHT in named)
    except Unseen as reason:
        return Failed(str(reason))
    return bound({**seen, "now": time(now)}, expressions, unknown)


@lru_cache(maxsize=256)
def _named(expressions: str) -> frozenset[str]:
    """Return the variables that the text may name: a few too many where a field or a text is called like one."""
    return frozenset(re.findall(r"\w+", expressions)).intersection((*VARIABLES, IN_FLIGHT))


def _components(rollout: ModelRollout, repository: Repository) -> dict[str, File[Component]]:
    """Return the components that any version pins."""
    return {name: file for name in rollout.spec.component_names if (file := repository.component(name)) is not None}


def _workspace(repository: Repository, *, flying: bool) -> dict[str, Any] | None:
    seen = repository.once("view of the workspace", _viewed)
    return seen and {**seen, IN_FLIGHT: counted(in_flight(repository)) if flying else []}


def _viewed(repository: Repository) -> dict[str, Any] | None:
    file = repository.workspace
    return view(file.model) if file and file.model else None


def in_flight(repository: Repository) -> list[str]:
    """Return the names of the rollouts that have a candidate: those of ten thousand are counted once, then adjusted."""
    return repository.once("rollouts in flight", _in_flight)


def _in_flight(repository: Repository) -> list[str]:
    origin = repository.edited_from
    if origin is None:
        return [name for name in repository.names("rollouts") if _flies(name, repository)]
    before, edits = origin
    edited = {path.removeprefix("rollouts/").removesuffix(".yaml") for path in edits}
    others = [name for name in in_flight(before) if name not in edited]
    return sorted([*others, *(name for name in edited if _flies(name, repository))])


def _flies(name: str, repository: Repository) -> bool:
    """Has a rollout a candidate? A file without that word is not even parsed; one that does not load may have one."""
    content = repository.tree.read(f"rollouts/{name}.yaml")
    file = repository.rollout(name) if content is not None and b"candidate" in content else None
    return bool(file and (file.model is None or file.model.spec.live.candidate is not None))
