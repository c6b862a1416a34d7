"""Policies of an organization: CEL expressions in YAML packs.

Imports ``render`` and below. Start with ``own``, which asks the packs of a workspace, and ``cel``, the engine. Modules
here import each other: ``types`` ← ``cel_values`` ← ``bindings``; ``cel_ast`` ← ``type_rules`` ← ``type_check``;
``cel`` ← ``bindings``, ``sample_documents``, ``examples`` ← ``asked``, ``own``. The engine is loaded when the first
expression is compiled: of a shipped pack in our process, of a workspace's own in a bounded one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from rollout_spec.core.findings import KeyPath, Problem
from rollout_spec.spec.kinds import is_pack_path
from rollout_spec.workspace.repository import File, Repository

if TYPE_CHECKING:
    from rollout_spec.checks.policies.bindings import Values
    from rollout_spec.checks.policies.cel import Failed, PolicyVerdict, Program
    from rollout_spec.checks.policies.type_rules import Fault
    from rollout_spec.spec.policy_pack import Policy, PolicyMatch, PolicyPack
    from rollout_spec.spec.rollout import ModelRollout
    from rollout_spec.spec.workspace import Waiver

_WHOLE: KeyPath = ("metadata", "name")
_STEP = re.compile(r"\.?([^.\[\]]+)|\[(\d+)\]")


@dataclass(frozen=True)
class PolicyInForce:
    """One policy of a pack that the workspace names, its index there, and whether the pack is a shipped one."""

    policy: Policy
    pack: File[PolicyPack]
    index: int
    shipped: bool

    @property
    def name(self) -> str:
        """What it is called in findings."""
        return self.policy.name

    @property
    def path(self) -> KeyPath:
        """The keys that lead to its expression."""
        return ("spec", "policies", self.index, "expression")

    @property
    def place(self) -> str:
        """The file, line and column of its expression."""
        span = self.pack.document.span(self.path)
        return f"{self.pack.path}:{span.line}:{span.column}"


def pack_paths(repository: Repository) -> list[str]:
    """Return the paths of the packs of its own that a workspace names."""
    settings = repository.settings
    return [reference for reference in settings.policies if is_pack_path(reference)] if settings else []


def policies_of(repository: Repository) -> tuple[PolicyInForce, ...]:
    """Return the policies of the packs that the workspace names and that load; of two with one name, the first."""
    return repository.once("policies in force", _in_force)


def _in_force(repository: Repository) -> tuple[PolicyInForce, ...]:
    settings = repository.settings
    found: dict[str, PolicyInForce] = {}
    for reference in settings.policies if settings else ():
        pack = repository.pack(reference)
        if pack and pack.model:
            shipped = not is_pack_path(reference)
            for index, policy in enumerate(pack.model.spec.policies):
                found.setdefault(policy.name, PolicyInForce(policy, pack, index, shipped))
    return tuple(found.values())


def check(
    rollout: File[ModelRollout], repository: Repository, base: Repository | None, now: datetime
) -> Iterator[tuple[str, Problem]]:
    """Give each policy in force that is about a rollout and that is not exactly true of it, by name.

    ``base`` is the repository to compare with. What a waiver allows is given too. A policy that is not sound is passed
    over: the rule ``policies-sound`` says so, at its pack. One that exceeds a limit is given at its pack, too.
    """
    model = rollout.model
    if model is None:
        return
    asked = [each for each in policies_of(repository) if concerns(each.policy.match, model)]
    if not asked:
        return
    from rollout_spec.checks.policies.bindings import values
    from rollout_spec.checks.policies.cel import Failed

    given = values(rollout, repository, base, now, "\n".join(each.policy.expression for each in asked))
    for each, verdict in _verdicts(asked, given, rollout.path):
        if verdict is True or verdict is None:
            continue
        path, on_key = place_of(each.policy.at, rollout)
        if not isinstance(verdict, Failed):
            yield each.name, Problem(path, each.policy.message, None, each.policy.severity, on_key)
        elif verdict.hint:
            words = f"the policy at {each.place} cannot be evaluated here, and so is not met: {verdict.why}"
            yield each.name, Problem(path, words, verdict.hint, "error", on_key)
            if verdict.is_exceeding:
                words = f"asked about {rollout.path}, {verdict.why}"
                yield each.name, Problem(each.path, words, verdict.hint, "error", file=each.pack.path)
        else:
            words = f"the policy cannot be evaluated here, and so is not met: {verdict.why}"
            hint = f"mend its expression at {each.place}, so that it says what holds for such a rollout too"
            hint = "mend that file first" if verdict.is_unread else hint
            yield each.name, Problem(path, words, None if verdict is given else hint, "error", on_key)


def _verdicts(
    asked: Sequence[PolicyInForce], given: Values | Failed, about: str
) -> Iterator[tuple[PolicyInForce, PolicyVerdict | None]]:
    """Give the verdict of each policy; None for one that is not sound."""
    from rollout_spec.checks.policies.bindings import Values
    from rollout_spec.checks.policies.cel import Failed

    brought = [each.policy.expression for each in asked if not each.shipped]
    if brought:
        from rollout_spec.checks.policies.own import verdicts

        own = iter(verdicts(brought, given, about))
    for each in asked:
        if not each.shipped:
            verdict = next(own)
            unread = given.unread(each.policy.expression) if isinstance(given, Values) else None
            yield each, verdict if verdict is None else unread or verdict
        elif program := program_of(each.policy.expression, each.shipped):
            yield each, given if isinstance(given, Failed) else given.judge(program, each.policy.expression)


def counted_in_flight(repository: Repository) -> list[str]:
    """Return the rollouts that have a candidate, if a policy in force counts them."""
    from rollout_spec.checks.policies.bindings import in_flight
    from rollout_spec.checks.policies.types import IN_FLIGHT

    counts = any(IN_FLIGHT in each.policy.expression for each in policies_of(repository))
    return in_flight(repository) if counts else []


def concerns(match: PolicyMatch | None, rollout: ModelRollout) -> bool:
    """Is a policy about a rollout?"""
    if match is None:
        return True
    meta = rollout.metadata
    labels = meta.labels or {}
    return (
        (match.tier is None or meta.tier in match.tier)
        and (match.names is None or meta.name in match.names)
        and all(labels.get(name) == value for name, value in (match.labels or {}).items())
    )


@lru_cache(maxsize=1024)
def program_of(expression: str, trusted: bool = False) -> Program | None:
    """Return the program of an expression; None where it does not compile or is not sound.

    ``trusted``: it is shipped, and so was tested; to look through it would take longer than to evaluate it.
    """
    from rollout_spec.checks.policies.cel import ExpressionError, compile

    try:
        program = compile(expression)
    except ExpressionError:
        return None
    return program if trusted or not unsound(expression) else None


@lru_cache(maxsize=1024)
def unsound(expression: str) -> tuple[Fault, ...]:
    """Return what is wrong with an expression that compiles: in its text, else on a rollout that says everything."""
    from rollout_spec.checks.policies.cel import Failed, compile
    from rollout_spec.checks.policies.sample_documents import full
    from rollout_spec.checks.policies.type_check import faults
    from rollout_spec.checks.policies.type_rules import Fault

    program = compile(expression)
    found = tuple(faults(program.tree()))
    verdict = True if found else program.judge(full())
    if isinstance(verdict, Failed) and not verdict.entry:
        found = (Fault(0, f"this fails on a rollout that says everything: {verdict.why}", None, len(expression)),)
    return found


@lru_cache(maxsize=1024)
def path_of(at: str | None) -> KeyPath:
    """``spec.stages[0].weight`` → the keys that lead there; a policy that does not say is about the whole rollout."""
    if at is None:
        return _WHOLE
    return tuple(int(found[2]) if found[2] else found[1] for found in _STEP.finditer(at))


def place_of(at: str | None, rollout: File[ModelRollout]) -> tuple[KeyPath, bool]:
    """Return the place at which a policy points: a value, else the key of a list, a mapping, or of what is missing."""
    path = path_of(at)
    here: Any = rollout.document.data
    for step in path:
        try:
            here = here[step]
        except (KeyError, IndexError, TypeError):
            return path, True
    return path, isinstance(here, dict | list)


def waiver_for(policy: str, rollout: str, repository: Repository, now: datetime) -> Waiver | None:
    """Return the waiver by which a rollout need not meet a policy, if there is one that has not expired."""
    found = repository.once("waivers", _waivers).get((policy, rollout), ())
    return next((waiver for waiver in found if now < waiver.ends), None)


def _waivers(repository: Repository) -> dict[tuple[str, str], list[Waiver]]:
    """Return the waivers of a workspace, by policy and rollout."""
    settings = repository.settings
    index: dict[tuple[str, str], list[Waiver]] = {}
    for waiver in settings.waivers if settings else ():
        index.setdefault((waiver.policy, waiver.rollout), []).append(waiver)
    return index
