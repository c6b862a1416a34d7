"""There is a way back, and it is kept up.

A rollback of the candidate goes to stable; one of stable goes to the first known-good version that is recorded, not
quarantined and has its pins served. The first two such versions keep what they pin, so that the way back stands even when
one of them fails. A new rollout has none yet, which is a warning.

With a whole workspace the way back is also proven: the rollback is done in memory, and its result checked.
"""

from __future__ import annotations

from collections.abc import Iterator

from rollout_spec import traffic
from rollout_spec.eligibility import eligible, lost, standing
from rollout_spec.finding import Problem
from rollout_spec.rules.subject import Subject

KINDS = frozenset({"ModelRollout"})
NEEDS = ""
UNCONDITIONAL = False

_KEPT = 2


def check(subject: Subject) -> Iterator[Problem]:
    """Look for known-good versions that a rollback may go to."""
    rollout, repository = subject.model, subject.repository
    live = rollout.spec.live
    if not live.known_good:
        words = f"there is no way back from {live.stable} yet: knownGood has no earlier version"
        yield Problem(("spec", "live", "stable"), words, "promote a second version", "warning")
        return
    kept = standing(rollout, repository)
    serving = traffic.split(rollout.spec).versions
    for version in kept[:_KEPT]:
        for pin in lost(rollout, version, repository):
            if version not in serving:  # those are told by pins-served
                at = ("spec", "versions", version, "requires", pin.component)
                words = f"{version} is where a rollback goes, and needs {pin.component} {pin.pin}, which is not up"
                yield Problem(at, words, f"keep it in `serving` in components/{pin.component}.yaml")
    if not kept:
        words = f"there is no way back from {live.stable}: every version in knownGood is quarantined"
        yield Problem(("spec", "live", "knownGood"), words, "clear an incident, or promote another version")
    elif not eligible(rollout, repository) and len(kept) > _KEPT:
        yield Problem(
            ("spec", "live", "knownGood"),
            f"there is no way back from {live.stable}: no version in knownGood has its pins served",
        )
