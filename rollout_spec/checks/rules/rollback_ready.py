"""Stable has a rollback target, and the components that it pins are served.

A rollback of the candidate restores stable. A rollback of stable restores the first known-good version that is
recorded, not quarantined, and has its pins satisfied. The components that the first two such versions pin must stay
served, so that one is left if the other fails. A new rollout has no rollback target yet, which is a warning. With a
base, a fault that the base has already is a warning too, and so is one that a rollback leaves, because nothing may
block a rollback.

A known-good version that no component can help is skipped, which is a warning too. Its record does not say where its
bytes are, or lacks a field that a target needs; or it reads a version of a schema that refuses what callers send, who
had to change when stable's version came. If stable's schema removed nothing, such a version is only the last choice,
and a person decides about the rollback to it.

In a check of the whole workspace the rollback is also done in memory, and its result is checked. While a candidate is
in flight, this is done for its next stage too. A fault there is only a warning, because the step into that stage is
verified when it is taken. ``rollout-spec drill`` verifies every reachable state.

Fails::

    spec:
      live: {stable: "41", knownGood: []}    # no rollback target of 41

Passes::

    spec:
      live: {stable: "41", knownGood: ["40", "39"]}
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from rollout_spec.checks.rules.base import Subject
from rollout_spec.core.findings import Problem, Severity
from rollout_spec.domain import traffic
from rollout_spec.domain.pins import unrestorable_pins
from rollout_spec.domain.quarantine import quarantined
from rollout_spec.domain.rollback_targets import (
    blocking_reason,
    compatibility_risk,
    obstacles,
    protected_versions,
    rollback_targets,
    standing,
    untried,
)

KINDS = frozenset({"ModelRollout"})
NEEDS = ""
UNCONDITIONAL = False


def check(subject: Subject) -> Iterator[Problem]:
    """Check that there are rollback targets, and that their pins are satisfied."""
    rollout, repository = subject.model, subject.repository
    live, at = rollout.spec.live, ("spec", "live", "knownGood")
    candidates, protected = standing(rollout, repository), protected_versions(rollout, repository)
    yield from _unsatisfied(subject, protected)
    if not live.known_good:
        message = f"{live.stable} has no rollback target: knownGood is empty"
        yield Problem(("spec", "live", "stable"), message, "promote a second version", "warning")
    elif not candidates:
        message = f"{live.stable} has no rollback target: every version in knownGood is quarantined"
        hint = "resolve an incident with `verdict: cleared` (`rollout-spec incident list`), or promote another version"
        quarantines = quarantined(rollout, repository)  # a quarantine of another workspace is not by this change
        ours = [
            version for version in live.known_good if version in quarantines and quarantines[version].workspace is None
        ]
        yield Problem(at, message, hint, _severity(subject, ours))
    elif targets := rollback_targets(rollout, repository):
        yield from _skipped(subject, candidates, targets[0])
    elif not set(candidates) <= set(protected) and not _is_unread(subject, candidates):
        reasons = "; ".join(f"{version}: {why}" for version, why in obstacles(rollout, repository).items())
        message = f"{live.stable} has no rollback target: {reasons}"
        pinned = [version for version in candidates if blocking_reason(rollout, version, repository) is None]
        yield Problem(at, message, severity=_severity(subject, pinned) if pinned else "warning")


def _is_unread(subject: Subject, versions: Iterable[str]) -> bool:
    """Return whether any of these versions pins a component that does not load, which is reported there."""
    rollout, repository = subject.model, subject.repository
    return any(pin.is_unread for version in versions for pin in unrestorable_pins(rollout, version, repository))


def _skipped(subject: Subject, versions: Sequence[str], first: str) -> Iterator[Problem]:
    """Yield a problem for each known-good version that is skipped, whatever its components serve."""
    rollout, repository = subject.model, subject.repository
    for position, version in enumerate(versions):
        why = blocking_reason(rollout, version, repository)
        if why is None and position < versions.index(first):
            risk = compatibility_risk(rollout, version, repository)
            why = untried(rollout, version, repository) or (risk.message if risk else None)
        if why is not None:
            at = ("spec", "live", "knownGood", rollout.spec.live.known_good.index(version))
            hint = f"run `rollout-spec retire {rollout.metadata.name} {version}` to remove it"
            yield Problem(at, f"a rollback skips {version}: {why}", hint, "warning")


def _unsatisfied(subject: Subject, versions: Iterable[str]) -> Iterator[Problem]:
    rollout, repository = subject.model, subject.repository
    serving = traffic.split(rollout.spec).versions  # pins-served reports those
    for version in versions:
        pins = unrestorable_pins(rollout, version, repository) if version not in serving else ()
        for pin in (missing for missing in pins if not missing.is_unread):  # reported at the component
            at = ("spec", "versions", version, "requires", pin.component)
            message = f"{version} is a rollback target but needs {pin.component} {pin.pin}, which is not served"
            hint = f"keep it in `serving` in components/{pin.component}.yaml"
            yield Problem(at, message, hint, _severity(subject, [version]))


def _severity(subject: Subject, versions: Collection[str]) -> Severity:
    """Return ``error`` if this change introduces the fault; a rollback introduces none."""
    before, base = subject.before, subject.base
    if before is None or base is None:
        return "error"
    if subject.model.spec.live.stable in before.spec.live.known_good:
        return "warning"
    protected = protected_versions(before, base)
    return (
        "error"
        if any(version in protected and not unrestorable_pins(before, version, base) for version in versions)
        else "warning"
    )
