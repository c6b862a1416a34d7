"""A version that takes requests has all that it pins.

A model is right only together with the exact features, schemas and preprocessing that it was trained with. Every
version that takes traffic, mirror or matched requests needs a version of each component that meets its pin and is up
now. Where an edit of the component is what broke the pin, that is said at the component too.

Fails::

    # components/user-profile.yaml
    spec: {serving: ["11"]}
    # rollouts/fraud.yaml
    spec:
      versions:
        "42": {requires: {user-profile: "12"}}    # not up
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
    """Look for a served version of each pin of each version that takes requests."""
    if subject.file.kind == "Component":
        yield from _edited(subject)
        return
    told = disagreements(subject.model, subject.repository)
    for version in traffic.split(subject.model.spec).versions:
        for pin in unsatisfied_pins(subject.model, version, subject.repository):
            if pin.component not in told and not pin.is_unread:  # that one says itself what is wrong with it
                at = ("spec", "versions", version, "requires", pin.component)
                yield Problem(
                    at,
                    f"{version} takes requests and needs {pin.component} {pin.pin}, which {_serves(pin)}",
                    _hint(pin),
                )


def _serves(pin: UnsatisfiedPin) -> str:
    return (
        f"is not up: {', '.join(pin.served)} {'is' if len(pin.served) == 1 else 'are'}"
        if pin.served
        else "is not up: nothing is"
    )


def _hint(pin: UnsatisfiedPin) -> str:
    return f"serve it first: add it to `serving` in components/{pin.component}.yaml"


def _edited(subject: Subject) -> Iterator[Problem]:
    """Say once, at a component that this change edits, which versions it leaves without what they need."""
    if subject.base is None or not subject.whole or subject.model == subject.before:
        return
    name, repository = subject.model.metadata.name, subject.repository
    left = [
        f"{rollout.stem} {version} needs {pin.pin}"
        for rollout in map(repository.rollout, repository.names("rollouts"))
        if rollout and rollout.model
        for version, pin in _missing(rollout.model, repository)
        if pin.component == name
    ]
    if left:
        words = f"this leaves versions without what they pin: {join_some(left, _SHOWN)}"
        yield Problem(("spec", "serving"), words, "keep it up until nothing pins it")


def _missing(rollout: ModelRollout, repository: Repository) -> Iterator[tuple[str, UnsatisfiedPin]]:
    """Give the pins that are not served, of versions that take requests and of those that a rollback goes to."""
    told = disagreements(rollout, repository)
    serving = traffic.split(rollout.spec).versions
    for version in serving:
        yield from (
            (version, pin) for pin in unsatisfied_pins(rollout, version, repository) if pin.component not in told
        )
    for version in protected_versions(rollout, repository):
        if version not in serving:
            yield from ((version, pin) for pin in unrestorable_pins(rollout, version, repository))
