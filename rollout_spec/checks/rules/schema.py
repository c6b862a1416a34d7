"""Every field is known, present where it must be, spelled in its one way, and fits the fields beside it.

An unknown field would be ignored by a tool that does not know it, which is how a misspelt ``weight`` comes to mean all
traffic. So unknown fields are errors, with the nearest known name; names in a list are unique; ``knownGood`` never
holds what is live.

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
    """Give what the models refuse, else what does not fit within the file."""
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
            yield Problem(
                ("spec", "versions", version), "`artifact` is missing: where the bytes of this version are", on_key=True
            )
        for component, pin in (record.requires or {}).items():
            if not is_valid_pin(pin):
                words = f"`{pin}` is no range of versions: PEP 440 writes `>=1.4,<2`"
                yield Problem(("spec", "versions", version, "requires", component), words)
        parts = (part.name for part in record.parts or [])
        yield from _unique(parts, ("spec", "versions", version, "parts"), "part", "name")
    live, at = spec.live, ("spec", "live")
    if live.candidate == live.stable:
        yield Problem((*at, "candidate"), f"{live.stable} is stable already; a candidate is another version")
    yield from _unique(live.known_good, (*at, "knownGood"), "version")
    for index, version in enumerate(live.known_good):
        if version in (live.stable, live.candidate):
            word = "stable" if version == live.stable else "the candidate"
            yield Problem((*at, "knownGood", index), f"{version} is {word}; knownGood holds earlier stable versions")


def _component(component: Component) -> Iterator[Problem]:
    serving = component.spec.serving
    yield from _unique(serving, ("spec", "serving"), "version")
    if component.spec.exclusive and len(serving) != 1:
        words = f"an exclusive component serves one version at a time, not {len(serving)}"
        yield Problem(("spec", "serving"), words)


def _sources(paths: list[str]) -> Iterator[Problem]:
    yield from _unique(paths[:MOST_SOURCES], ("spec", "incidentsFrom"), "workspace")
    if len(paths) > MOST_SOURCES:
        words = f"a workspace takes incidents from at most {MOST_SOURCES} others, not {len(paths)}"
        yield Problem(("spec", "incidentsFrom", MOST_SOURCES), words)


def _requires(versions: str | None) -> Iterator[Problem]:
    if versions is None:
        return
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        SpecifierSet(versions)
    except InvalidSpecifier:
        yield Problem(("spec", "requires"), f"`{versions}` is no range of versions", 'write `">=0.1,<0.2"`')


def _unique(names: Iterable[str], at: KeyPath, noun: str, field: str | None = None) -> Iterator[Problem]:
    """Point at the second of two equal names."""
    seen: set[str] = set()
    for index, name in enumerate(names):
        if name in seen:
            yield Problem((*at, index, *([field] if field else [])), f"the {noun} `{name}` is in this list already")
        seen.add(name)
