"""The values of the variables that a policy sees: one rollout, and the objects that belong to it.

``components`` are those that its versions pin, ``incidents`` its own, oldest first. Only variables in the expressions
are read. ``workspace.inFlight`` alone depends on other rollouts, and is computed once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from rollout_spec.checks.policies.cel import VARIABLES, Failed, PolicyVerdict, Program, bind
from rollout_spec.checks.policies.cel_values import LONGEST_SUMMAND, UnseenError, counted, longest, time, view
from rollout_spec.checks.policies.types import IN_FLIGHT
from rollout_spec.domain.incidents import readings
from rollout_spec.workspace.loader import File
from rollout_spec.workspace.repository import Repository

if TYPE_CHECKING:
    from rollout_spec.spec.component import Component
    from rollout_spec.spec.rollout import ModelRollout


@dataclass(frozen=True)
class Values:
    """The variables of one rollout. ``longest`` is the length of the longest text, if any expression adds."""

    variables: dict[str, Any]
    longest: int
    unknown: Mapping[str, str] = field(default_factory=dict)
    """Variables that are incomplete, each with the file that does not load."""

    @cached_property
    def bound(self) -> Any:
        """The variables in the form that programs take."""
        return bind(self.variables)

    def unread(self, expression: str) -> Failed | None:
        """Return the failure of an expression with an incomplete variable, or None if all are complete."""
        name = min(self.unknown.keys() & variables_in(expression), default=None)
        if name is None:
            return None
        return Failed(f"`{name}` is not known: {self.unknown[name]} does not load", is_unread=True)

    def judge(self, program: Program, expression: str) -> PolicyVerdict:
        """Evaluate the program of an expression; it fails if a variable is incomplete."""
        unread = self.unread(expression)
        if unread is not None:
            return unread
        if "+" in expression and self.longest > LONGEST_SUMMAND:
            most = f"a policy that adds accepts at most {LONGEST_SUMMAND:,}"
            return Failed(f"a text has {self.longest:,} characters; {most}")
        return program.judge(self.bound)

    def text(self, program: Program, expression: str) -> str | None:
        """Evaluate the program of a message; None if it gives no text, or a variable is incomplete."""
        if self.unread(expression) is not None or ("+" in expression and self.longest > LONGEST_SUMMAND):
            return None
        return program.text(self.bound)


def bound(variables: dict[str, Any], expressions: str, unknown: Mapping[str, str] | None = None) -> Values:
    """Return the variables for ``expressions``."""
    return Values(variables, longest(variables) if "+" in expressions else 0, unknown or {})


def values(
    rollout: File[ModelRollout], repository: Repository, base: Repository | None, now: datetime, expressions: str
) -> Values | Failed:
    """Return the variables in ``expressions`` for a rollout, or ``Failed`` if a value exceeds a limit."""
    named = variables_in(expressions)
    variables: dict[str, Any] = {}
    unknown: dict[str, str] = {}
    model = rollout.model
    assert model is not None
    try:
        if "rollout" in named:
            variables["rollout"] = view(model)
        if "base" in named:
            on_base = base.rollout(rollout.stem) if base else None
            variables["base"] = view(on_base.model) if on_base and on_base.model else None
            unknown |= {"base": f"{on_base.path} on the base"} if on_base and not on_base.model else {}
        if "components" in named:
            components = _components(model, repository)
            variables["components"] = {name: view(file.model) for name, file in components.items() if file.model}
            unread = [file.path for file in components.values() if not file.model]
            unknown |= {"components": unread[0]} if unread else {}
        if "incidents" in named:
            files = repository.incidents_of(model.metadata.name)
            variables["incidents"] = [view(file.model) for file in files if file.model]
            unread = [each.file.path for each in readings(model, repository) if each.incident is None]
            unknown |= {"incidents": unread[0]} if unread else {}
        if "workspace" in named:
            variables["workspace"] = _workspace(repository, with_in_flight=IN_FLIGHT in named)
    except UnseenError as error:
        return Failed(str(error))
    return bound({**variables, "now": time(now)}, expressions, unknown)


@lru_cache(maxsize=256)
def variables_in(expressions: str) -> frozenset[str]:
    """Return the variables that the text may name.

    A variable counts too if its name is also that of a field or a text.
    """
    return frozenset(re.findall(r"\w+", expressions)).intersection((*VARIABLES, IN_FLIGHT))


def _components(rollout: ModelRollout, repository: Repository) -> dict[str, File[Component]]:
    """Return the components that any version pins."""
    return {name: file for name in rollout.spec.component_names if (file := repository.component(name)) is not None}


def _workspace(repository: Repository, *, with_in_flight: bool) -> dict[str, Any] | None:
    fields = repository.unrendered.once("view of the workspace", _workspace_view)
    return fields and {**fields, IN_FLIGHT: counted(in_flight(repository)) if with_in_flight else []}


def _workspace_view(repository: Repository) -> dict[str, Any] | None:
    file = repository.workspace
    return view(file.model) if file and file.model else None


def in_flight(repository: Repository) -> list[str]:
    """Return the rollouts that have a candidate. They are searched once, and adjusted after edits."""
    return repository.unrendered.once("rollouts in flight", _in_flight)


def _in_flight(repository: Repository) -> list[str]:
    origin = repository.edited_from
    if origin is None:
        return [name for name in repository.names("rollouts") if may_have_candidate(name, repository)]
    before, edits = origin
    edited = {path.removeprefix("rollouts/").removesuffix(".yaml") for path in edits}
    others = [name for name in in_flight(before) if name not in edited]
    return sorted([*others, *(name for name in edited if may_have_candidate(name, repository))])


def may_have_candidate(name: str, repository: Repository) -> bool:
    """Return whether a rollout may have a candidate.

    A file without that word and without escapes has none, and is not parsed.
    """
    content = repository.tree.read(f"rollouts/{name}.yaml") or b""
    file = repository.rollout(name) if b"candidate" in content or b"\\" in content else None
    return bool(file and (file.model is None or file.model.spec.live.candidate is not None))
