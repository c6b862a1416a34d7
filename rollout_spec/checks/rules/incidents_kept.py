"""An incident that was merged is kept as it is; only its end is written later.

The incident is the quarantine. Were its file deleted, or its facts edited to be about something else, the version that
failed could come back the next day and nobody would have decided that. So it ends in one way: resolved, as bad or as
cleared. Bad is for good: who has doubts opens the incident again, and then clears it in a change of its own. And what a
change takes back it does not clear in the same breath: no rollback without quarantine.

Where the base has no such rollout, its incidents are history that is brought along. Facts that hold no version back
(the trigger, the source, the time) are warned of; evidence may be added.

Fails::

    # incidents/fraud-40.yaml, on the base
    apiVersion: rollout-spec/v1
    kind: Incident
    metadata: {name: fraud-40}
    spec:
      rollout: fraud
      failedVersion: "40"
      restoredVersion: "39"
      source: alertmanager
      observedAt: 2026-11-20T10:15:00Z
      status: open
    # incidents/fraud-40.yaml
    apiVersion: rollout-spec/v1
    kind: Incident
    metadata: {name: fraud-40}
    spec:
      rollout: fraud
      failedVersion: "40"
      restoredVersion: "41"
      source: alertmanager
      observedAt: 2026-11-20T10:15:00Z
      status: open

Passes::

    # incidents/fraud-40.yaml, on the base
    apiVersion: rollout-spec/v1
    kind: Incident
    metadata: {name: fraud-40}
    spec:
      rollout: fraud
      failedVersion: "40"
      restoredVersion: "39"
      source: alertmanager
      observedAt: 2026-11-20T10:15:00Z
      status: open
    # incidents/fraud-40.yaml
    apiVersion: rollout-spec/v1
    kind: Incident
    metadata: {name: fraud-40}
    spec:
      rollout: fraud
      failedVersion: "40"
      restoredVersion: "39"
      source: alertmanager
      observedAt: 2026-11-20T10:15:00Z
      status: resolved
      verdict: cleared
      reproduced: {environment: staging, link: https://example.com/runs/7}
      rootCause: A network policy, not the model.
      resolution: The policy was taken back.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rollout_spec.checks.rules.base import Subject
from rollout_spec.core.findings import Problem
from rollout_spec.domain.incidents import readings, stem_of

if TYPE_CHECKING:
    from rollout_spec.spec.incident import IncidentSpec

KINDS = frozenset({"Incident", "ModelRollout"})
NEEDS = "base"
UNCONDITIONAL = True

_QUARANTINE = ("rollout", "failed_version", "restored_version")
_FACTS = (*_QUARANTINE, "trigger", "source", "observed_at", "stage", "reverts")


def check(subject: Subject) -> Iterator[Problem]:
    """Compare the incident with what it was, or the rollout's incidents with those that there were."""
    assert subject.base is not None
    if subject.file.kind == "ModelRollout":
        yield from _gone(subject)
    elif subject.before is not None:
        yield from _changed(subject.before.spec, subject.model.spec)
        yield from _cleared(subject.before.spec, subject.model.spec)
    elif subject.base.file(subject.file.path, "Incident") is None:
        yield from _born_cleared(subject)


def _gone(subject: Subject) -> Iterator[Problem]:
    """Point at the records of versions whose incidents are no longer there: no file of theirs is left to point at."""
    assert subject.base is not None
    rollout = subject.model
    before = [each for each in readings(rollout, subject.base) if each.quarantines]
    after = readings(rollout, subject.repository) if before else []
    there, mended = {each.file.path for each in after}, {(stem_of(each.file.path), each.version) for each in after}
    for each in before:
        path = each.file.path
        if path in there or subject.repository.tree.read(path) is not None:
            continue
        if each.incident is None and (stem_of(path), each.version) in mended:  # its file has another ending now
            continue
        if each.version in rollout.spec.versions:  # else versions-append-only tells of the record
            words = f"incident {each.file.stem} is gone, and it quarantines {each.version}"
            yield Problem(("spec", "versions", each.version), words, f"put {path} back", on_key=True)


def _changed(before: IncidentSpec, after: IncidentSpec) -> Iterator[Problem]:
    """Point at each fact that is another one than when it was merged."""
    for name in _FACTS:
        if getattr(before, name) != getattr(after, name):
            shown = str(type(after).model_fields[name].alias)
            words = f"`{shown}` of an incident that was merged never changes"
            yield Problem(("spec", shown), words, "put it back", "error" if name in _QUARANTINE else "warning")
    seen = [(name, value) for name, value in before.evidence or () if value is not None]
    lost = [name for name, value in seen if after.evidence is None or getattr(after.evidence, name) != value]
    if lost:
        words = f"the evidence of an incident that was merged stays: {', '.join(f'`{name}`' for name in lost)}"
        yield Problem(("spec", "evidence"), words, "put it back, and add to it what is new", "warning", on_key=True)


def _cleared(before: IncidentSpec, after: IncidentSpec) -> Iterator[Problem]:
    then, now = ((spec.status, spec.verdict) for spec in (before, after))
    if then == ("resolved", "bad") and now == ("resolved", "cleared"):
        words = f"{before.failed_version} was found bad, which is for good, and this clears it"
        yield Problem(("spec", "verdict"), words, "open the incident again first, in a change of its own")


def _born_cleared(subject: Subject) -> Iterator[Problem]:
    """Point at an incident that never quarantined the version which the same change takes back."""
    assert subject.base is not None
    spec = subject.model.spec
    if spec.status != "resolved" or spec.verdict != "cleared":
        return
    then, now = (repository.rollout(spec.rollout) for repository in (subject.base, subject.repository))
    if then is None or then.model is None or now is None or now.model is None:
        return
    before, after = then.model.spec.live, now.model.spec.live
    was_live = spec.failed_version in (before.stable, before.candidate)
    if was_live and spec.failed_version not in (after.stable, after.candidate):
        words = f"this change takes {spec.failed_version} back and clears it at once"
        yield Problem(("spec", "status"), words, "merge the incident open, and resolve it when the cause is known")
