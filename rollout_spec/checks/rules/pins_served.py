"""Every version that receives requests has all components that it pins.

A model is correct only with the exact features, schemas and preprocessing that it was trained with. For every version
that receives traffic, mirrored or matched requests, each component must serve a version that satisfies the pin. If an
edit of the component breaks a pin, the component has a finding too.

Fails::

    # components/user-profile.yaml
    spec: {serving: ["11"]}
    # rollouts/fraud.yaml
    spec:
      versions:
        "42": {requires: {user-profile: "12"}}    # not served
      live: {candidate: "42", stage: canary-5}

Passes::

    # components/user-profile.yaml
    spec: {serving: ["11", "12"]}
    # rollouts/fraud.yaml
    spec:
      versions:
        "42": {requires: {user-profile: "12"}}
      live: {candidate: "42", stage: canary-5}
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rollout_spec.checks.rules.base import Subject
from rollout_spec.core.findings import Problem
from rollout_spec.core.text import join_some
from rollout_spec.domain import traffic
from rollout_spec.domain.dependents import rollouts_naming
from rollout_spec.domain.pins import UnsatisfiedPin, disagreements, unrestorable_pins, unsatisfied_pins
from rollout_spec.domain.rollback_targets import protected_versions
from rollout_spec.workspace.repository import Repository

if TYPE_CHECKING:
    from rollout_spec.spec.rollout import ModelRollout

KINDS = frozenset({"ModelRollout", "Component"})
NEEDS = ""
UNCONDITIONAL = True

_SHOWN = 5


def check(subject: Subject) -> Iterator[Problem]:
    """Check each pin of each version that receives requests against the served versions."""
    if subject.file.kind == "Component":
        yield from _broken_by_edit(subject)
        return
    conflicts = disagreements(subject.model, subject.repository)
    for version in traffic.split(subject.model.spec).versions:
        for pin in unsatisfied_pins(subject.model, version, subject.repository):
            if (
                pin.component not in conflicts and not pin.is_unread
            ):  # arms-coexist, or the component itself, reports it
                at = ("spec", "versions", version, "requires", pin.component)
                message = f"{version} receives traffic but needs {pin.component} {pin.pin}; {_served(pin)}"
                hint = f"serve it first: add it to `serving` in components/{pin.component}.yaml"
                yield Problem(at, message, hint)


def _served(pin: UnsatisfiedPin) -> str:
    if not pin.served:
        return "no version of it is served"
    return f"only {', '.join(pin.served)} {'is' if len(pin.served) == 1 else 'are'} served"


def _broken_by_edit(subject: Subject) -> Iterator[Problem]:
    """Yield one problem at a component that this change edits, with all pins that it no longer satisfies."""
    if subject.base is None or not subject.whole or subject.model == subject.before:
        return
    name, repository = subject.model.metadata.name, subject.repository
    pins = [
        f"{rollout.stem} {version} needs {pin.pin}"
        for rollout in map(repository.rollout, rollouts_naming([name], repository))
        if rollout and rollout.model
        for version, pin in _unsatisfied(rollout.model, repository)
        if pin.component == name
    ]
    if pins:
        message = f"this component no longer satisfies pins: {join_some(pins, _SHOWN)}"
        yield Problem(("spec", "serving"), message, "serve each version until nothing pins it")


def _unsatisfied(rollout: ModelRollout, repository: Repository) -> Iterator[tuple[str, UnsatisfiedPin]]:
    """Yield the unsatisfied pins of versions that receive requests, and of rollback targets."""
    conflicts = disagreements(rollout, repository)
    serving = traffic.split(rollout.spec).versions
    for version in serving:
        yield from (
            (version, pin) for pin in unsatisfied_pins(rollout, version, repository) if pin.component not in conflicts
        )
    for version in protected_versions(rollout, repository):
        if version not in serving:
            yield from ((version, pin) for pin in unrestorable_pins(rollout, version, repository))
