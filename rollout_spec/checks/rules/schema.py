"""Every field is known, present if required, in canonical form, and consistent with the others.

A tool ignores a field that it does not know, so a misspelt ``weight`` could come to mean all traffic. Therefore unknown
fields are errors, with the nearest known name as a hint. Names in a list are unique. ``knownGood`` never holds a
version that is live.

Fails::

    spec:
      rollback: {mrege: auto}    # no such field

Passes::

    spec:
      rollback: {merge: auto}
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rollout_spec.checks.rules.base import Subject
from rollout_spec.core.findings import KeyPath, Problem
from rollout_spec.domain.pins import is_valid_pin
from rollout_spec.spec.component import Component
from rollout_spec.spec.kinds import KINDS as ALL_KINDS
from rollout_spec.spec.kinds import PAUSE
from rollout_spec.workspace.incident_sources import MOST_SOURCES

KINDS = frozenset({*ALL_KINDS, PAUSE})
NEEDS = ""
UNCONDITIONAL = True


def check(subject: Subject) -> Iterator[Problem]:
    """Yield the errors of the models, else the contradictions within the file."""
    yield from subject.file.problems
    if subject.model is None:
        return
    if subject.file.kind == "ModelRollout":
        yield from _rollout(subject)
    elif subject.file.kind == "Component":
        yield from _component(subject.model)
    elif subject.file.kind == "Workspace":
        yield from _requires(subject.model.spec.requires)
        yield from _sources(subject.model.spec.incidents_from)
    elif subject.file.kind == "PolicyPack":
        policies = subject.model.spec.policies
        yield from _unique((policy.name for policy in policies), ("spec", "policies"), "policy", "name")


def _rollout(subject: Subject) -> Iterator[Problem]:
    spec = subject.model.spec
    yield from _unique((stage.name for stage in spec.stages), ("spec", "stages"), "stage", "name")
    yield from _unique((trigger.name for trigger in spec.triggers), ("spec", "triggers"), "trigger", "name")
    yield from _unique((target.type for target in spec.targets), ("spec", "targets"), "target", "type")
    for version, record in spec.versions.items():
        if record.artifact is None and record.parts is None:
            hint = "write the URI of this version's files"
            yield Problem(("spec", "versions", version), "`artifact` is missing", hint, on_key=True)
        for component, pin in (record.requires or {}).items():
            if not is_valid_pin(pin):
                message = f"`{pin}` is not a PEP 440 version range"
                hint = "write a range such as `>=1.4,<2`"
                yield Problem(("spec", "versions", version, "requires", component), message, hint)
        parts = (part.name for part in record.parts or [])
        yield from _unique(parts, ("spec", "versions", version, "parts"), "part", "name")
    live, at = spec.live, ("spec", "live")
    if live.candidate == live.stable:
        hint = "name another version, or write `candidate: null`"
        yield Problem((*at, "candidate"), f"the candidate {live.candidate} is already stable", hint)
    yield from _unique(live.known_good, (*at, "knownGood"), "version")
    for index, version in enumerate(live.known_good):
        if version in (live.stable, live.candidate):
            role = "stable" if version == live.stable else "the candidate"
            hint = "list earlier stable versions only"
            yield Problem((*at, "knownGood", index), f"knownGood lists {version}, which is {role}", hint)


def _component(component: Component) -> Iterator[Problem]:
    serving = component.spec.serving
    yield from _unique(serving, ("spec", "serving"), "version")
    if component.spec.exclusive and len(serving) != 1:
        message = f"an exclusive component serves {len(serving)} versions; expected exactly one"
        yield Problem(("spec", "serving"), message)


def _sources(paths: list[str]) -> Iterator[Problem]:
    yield from _unique(paths[:MOST_SOURCES], ("spec", "incidentsFrom"), "workspace")
    if len(paths) > MOST_SOURCES:
        message = f"incidentsFrom lists {len(paths)} workspaces; at most {MOST_SOURCES} are allowed"
        yield Problem(("spec", "incidentsFrom", MOST_SOURCES), message)


def _requires(versions: str | None) -> Iterator[Problem]:
    if versions is None:
        return
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        SpecifierSet(versions)
    except InvalidSpecifier:
        yield Problem(("spec", "requires"), f"`{versions}` is not a PEP 440 version range", 'write `">=0.1,<0.2"`')


def _unique(names: Iterable[str], at: KeyPath, noun: str, field: str | None = None) -> Iterator[Problem]:
    """Yield a problem at the second of two equal names."""
    seen: set[str] = set()
    for index, name in enumerate(names):
        if name in seen:
            yield Problem((*at, index, *([field] if field else [])), f"the {noun} `{name}` is listed twice")
        seen.add(name)
