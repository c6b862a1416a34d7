"""There is a way back, and it is kept up.

A rollback of the candidate goes to stable; one of stable goes to the first known-good version that is recorded, not
quarantined and has its pins served. The first two such versions keep what they pin, so that the way back stands even
when one of them fails. A new rollout has none yet, which is a warning. With a base, so is what stood there already, and
what a rollback leaves behind: nothing is to stand in its way.

A known-good version that no component can help is passed over, which is a warning too: its record does not say where
its bytes are, or lacks a field that a target needs; or it reads a version of a schema which refuses what callers send,
who had to move when the one of stable came. Where the schema of stable took nothing away, such a version is merely the
last choice, and the rollback to it is left to a person.

With a whole workspace the way back is also proven: the rollback is done in memory, and its result checked. Where a
candidate is in flight that is done for its next stage too, and what is found there is a warning: the step into that
stage is proven when it is taken. ``rollout-spec drill`` proves every state that can be reached.

Fails::

    spec:
      live: {stable: "41", knownGood: []}    # where would a rollback of 41 go?

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
    """Look for versions that a rollback may go to, and for what they pin."""
    rollout, repository = subject.model, subject.repository
    live, at = rollout.spec.live, ("spec", "live", "knownGood")
    kept, told = standing(rollout, repository), protected_versions(rollout, repository)
    yield from _lost(subject, told)
    if not live.known_good:
        words = f"there is no way back from {live.stable} yet: knownGood has no earlier version"
        yield Problem(("spec", "live", "stable"), words, "promote a second version", "warning")
    elif not kept:
        words = f"there is no way back from {live.stable}: every version in knownGood is quarantined"
        hint = "clear an incident, or promote another version"
        away = quarantined(rollout, repository)  # what another workspace quarantines, this change does not
        ours = [version for version in live.known_good if version in away and away[version].workspace is None]
        yield Problem(at, words, hint, _severity(subject, ours))
    elif ways := rollback_targets(rollout, repository):
        yield from _passed_over(subject, kept, ways[0])
    elif not set(kept) <= set(told) and not _is_unread(subject, kept):
        reasons = "; ".join(f"{version}: {why}" for version, why in obstacles(rollout, repository).items())
        words = f"there is no way back from {live.stable}: {reasons}"
        pinned = [version for version in kept if blocking_reason(rollout, version, repository) is None]
        yield Problem(at, words, severity=_severity(subject, pinned) if pinned else "warning")


def _is_unread(subject: Subject, versions: Iterable[str]) -> bool:
    """Return whether a component that does not load, and says so itself, holds any of these versions back."""
    rollout, repository = subject.model, subject.repository
    return any(pin.is_unread for version in versions for pin in unrestorable_pins(rollout, version, repository))


def _passed_over(subject: Subject, versions: Sequence[str], first: str) -> Iterator[Problem]:
    """Tell of known-good versions that cannot come back, whatever is up, or before which an older one is chosen."""
    rollout, repository = subject.model, subject.repository
    for place, version in enumerate(versions):
        why = blocking_reason(rollout, version, repository)
        if why is None and place < versions.index(first):
            risk = compatibility_risk(rollout, version, repository)
            why = untried(rollout, version, repository) or (risk.message if risk else None)
        if why is not None:
            at = ("spec", "live", "knownGood", rollout.spec.live.known_good.index(version))
            words = f"a rollback passes {version} over: {why}"
            yield Problem(at, words, f"`rollout-spec retire {rollout.metadata.name} {version}` takes it out", "warning")


def _lost(subject: Subject, versions: Iterable[str]) -> Iterator[Problem]:
    rollout, repository = subject.model, subject.repository
    serving = traffic.split(rollout.spec).versions  # pins-served tells of those
    for version in versions:
        pins = unrestorable_pins(rollout, version, repository) if version not in serving else ()
        for pin in (each for each in pins if not each.is_unread):  # that component says itself what is wrong
            at = ("spec", "versions", version, "requires", pin.component)
            words = f"{version} is where a rollback goes, and needs {pin.component} {pin.pin}, which is not up"
            hint = f"keep it in `serving` in components/{pin.component}.yaml"
            yield Problem(at, words, hint, _severity(subject, [version]))


def _severity(subject: Subject, versions: Collection[str]) -> Severity:
    """With a base, a lack is an error where this change brings it; a rollback that leaves one behind brings none."""
    before, base = subject.before, subject.base
    if before is None or base is None:
        return "error"
    if subject.model.spec.live.stable in before.spec.live.known_good:
        return "warning"
    kept = protected_versions(before, base)
    return (
        "error"
        if any(version in kept and not unrestorable_pins(before, version, base) for version in versions)
        else "warning"
    )
