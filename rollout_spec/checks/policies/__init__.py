"""Policies of an organization: CEL expressions in YAML packs.

Imports ``render`` and below. Start with ``confined``, which evaluates a workspace's own packs, and ``cel``, the engine.
Modules here import each other: ``types`` ← ``cel_values`` ← ``bindings``; ``cel_ast`` ← ``type_rules`` ←
``type_check``; ``cel`` ← ``bindings``, ``sample_documents``, ``examples`` ← ``confined_tasks``, ``confined``. The
engine is loaded when the first expression is compiled: for a shipped pack in this process, for a workspace's own in a
bounded one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from rollout_spec.core.findings import KeyPath, Problem
from rollout_spec.spec.kinds import is_pack_path
from rollout_spec.workspace.loader import File
from rollout_spec.workspace.repository import Repository

if TYPE_CHECKING:
    from rollout_spec.checks.policies.bindings import Values
    from rollout_spec.checks.policies.cel import Failed, PolicyVerdict
    from rollout_spec.spec.policy_pack import Policy, PolicyMatch, PolicyPack
    from rollout_spec.spec.rollout import ModelRollout

_WHOLE: KeyPath = ("metadata", "name")
_STEP = re.compile(r"\.?([^.\[\]]+)|\[(\d+)\]")


@dataclass(frozen=True)
class PolicyInForce:
    """A policy of a pack that the workspace names, its index, and whether the pack is shipped."""

    policy: Policy
    pack: File[PolicyPack]
    index: int
    shipped: bool

    @property
    def name(self) -> str:
        """The policy's name in findings."""
        return self.policy.name

    @property
    def path(self) -> KeyPath:
        """The path of the expression in the pack."""
        return ("spec", "policies", self.index, "expression")

    @property
    def location(self) -> str:
        """The file, line and column of the expression."""
        span = self.pack.document.span(self.path)
        return f"{self.pack.path}:{span.line}:{span.column}"


def pack_paths(repository: Repository) -> list[str]:
    """Return the paths of the packs of its own that a workspace names."""
    settings = repository.settings
    return [reference for reference in settings.policies if is_pack_path(reference)] if settings else []


def policies_of(repository: Repository) -> tuple[PolicyInForce, ...]:
    """Return the policies of the workspace's packs that load; of two with one name, the first."""
    return repository.once("policies in force", _in_force)


def _in_force(repository: Repository) -> tuple[PolicyInForce, ...]:
    settings = repository.settings
    in_force: dict[str, PolicyInForce] = {}
    for reference in settings.policies if settings else ():
        pack = repository.pack(reference)
        if pack and pack.model:
            shipped = not is_pack_path(reference)
            for index, policy in enumerate(pack.model.spec.policies):
                in_force.setdefault(policy.name, PolicyInForce(policy, pack, index, shipped))
    return tuple(in_force.values())


def check(
    rollout: File[ModelRollout], repository: Repository, base: Repository | None, now: datetime
) -> Iterator[tuple[str, Problem]]:
    """Yield the problem of each policy in force that a rollout violates, by name, waived ones included.

    ``base`` is the repository to compare with. A policy that is not sound is skipped: ``policies-sound`` reports it. A
    policy that exceeds a limit has a second problem, at its pack.
    """
    model = rollout.model
    if model is None:
        return
    matching = [each for each in policies_of(repository) if concerns(each.policy.match, model)]
    if not matching:
        return
    named = _named(matching)
    if repository.edited_from is None or "base" in named:
        yield from _violations(matching, rollout, repository, base, now)
    else:  # several rollbacks may lead to the same files
        seen = repository if "incidents" in named else repository.without_incidents
        key = ("violations", rollout.path, now)
        yield from seen.once(key, lambda here: tuple(_violations(matching, rollout, here, None, now)))


def _named(policies: Iterable[PolicyInForce]) -> set[str]:
    """Return the variables that an expression or a message of these policies may depend on."""
    from rollout_spec.checks.policies.bindings import variables_in

    texts = (text for each in policies for text in (each.policy.expression, each.policy.message_expression) if text)
    return {name for text in texts for name in variables_in(text)}


def _expressions(policies: Iterable[PolicyInForce]) -> str:
    return "\n".join(each.policy.expression for each in policies)


def _violations(
    matching: Sequence[PolicyInForce],
    rollout: File[ModelRollout],
    repository: Repository,
    base: Repository | None,
    now: datetime,
) -> Iterator[tuple[str, Problem]]:
    from rollout_spec.checks.policies.bindings import values
    from rollout_spec.checks.policies.cel import Failed

    variables = values(rollout, repository, base, now, _expressions(matching))
    for each, verdict in _verdicts(matching, variables, rollout.path):
        if verdict is True or verdict is None:
            continue
        if isinstance(verdict, Failed):
            yield from ((each.name, problem) for problem in _failures(each, verdict, rollout, verdict is not variables))
        else:
            from rollout_spec.checks.policies.messages import message_of

            path, on_key = position_of(each.policy.at, rollout)
            message = message_of(each, rollout, repository, base, now)
            yield each.name, Problem(path, message, each.policy.hint, each.policy.severity, on_key)


def _failures(
    policy: PolicyInForce, verdict: Failed, rollout: File[ModelRollout], is_by_policy: bool
) -> Iterator[Problem]:
    """Yield the problems of a policy that cannot be evaluated.

    ``is_by_policy`` is False if the rollout is the cause.
    """
    path, on_key = position_of(policy.policy.at, rollout)
    if verdict.hint:
        message = f"the policy at {policy.location} cannot be evaluated here, and counts as violated: {verdict.why}"
        yield Problem(path, message, verdict.hint, "error", on_key)
        if verdict.is_exceeding:
            message = f"evaluated for {rollout.path}, {verdict.why}"
            yield Problem(policy.path, message, verdict.hint, "error", file=policy.pack.path)
        return
    message = f"the policy cannot be evaluated here, and counts as violated: {verdict.why}"
    hint = f"correct its expression at {policy.location}, so that it covers such a rollout"
    hint = "repair that file first" if verdict.is_unread else hint
    yield Problem(path, message, hint if is_by_policy else None, "error", on_key)


def _verdicts(
    policies: Sequence[PolicyInForce], variables: Values | Failed, path: str
) -> Iterator[tuple[PolicyInForce, PolicyVerdict | None]]:
    """Yield the verdict of each policy, or None if it is not sound."""
    from rollout_spec.checks.policies.bindings import Values
    from rollout_spec.checks.policies.cel import Failed
    from rollout_spec.checks.policies.programs import program_of

    own_expressions = [each.policy.expression for each in policies if not each.shipped]
    if own_expressions:
        from rollout_spec.checks.policies.confined import verdicts

        own = iter(verdicts(own_expressions, variables, path))
    for each in policies:
        if not each.shipped:
            verdict = next(own)
            unread = variables.unread(each.policy.expression) if isinstance(variables, Values) else None
            yield each, verdict if verdict is None else unread or verdict
        elif program := program_of(each.policy.expression, each.shipped):
            yield each, variables if isinstance(variables, Failed) else variables.judge(program, each.policy.expression)


def counted_in_flight(repository: Repository) -> list[str]:
    """Return the rollouts that have a candidate, if a policy in force counts them."""
    from rollout_spec.checks.policies.bindings import in_flight

    return in_flight(repository) if _counts_candidates(repository) else []


def _counts_candidates(repository: Repository) -> bool:
    from rollout_spec.checks.policies.types import IN_FLIGHT

    return any(IN_FLIGHT in each.policy.expression for each in policies_of(repository))


def counts_differ(names: Iterable[str], before: Repository, after: Repository) -> bool:
    """Return whether a policy in force counts candidates, and their number differs.

    It does if one of these rollouts gained or lost its candidate.
    """
    if not _counts_candidates(after):
        return False
    from rollout_spec.checks.policies.bindings import may_have_candidate

    return any(may_have_candidate(name, before) != may_have_candidate(name, after) for name in names)


def concerns(match: PolicyMatch | None, rollout: ModelRollout) -> bool:
    """Return whether a policy applies to a rollout."""
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
def path_of(at: str | None) -> KeyPath:
    """Return the keys in ``spec.stages[0].weight``; without ``at``, those of the whole rollout."""
    if at is None:
        return _WHOLE
    return tuple(int(match[2]) if match[2] else match[1] for match in _STEP.finditer(at))


def position_of(at: str | None, rollout: File[ModelRollout]) -> tuple[KeyPath, bool]:
    """Return the path at which a policy points, and whether to its key.

    A policy points to the key of a list, a mapping or an absent value.
    """
    path = path_of(at)
    value: Any = rollout.document.data
    for step in path:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return path, True
    return path, isinstance(value, dict | list)
