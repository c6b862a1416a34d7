"""A version that failed does not come back until its incident is cleared.

A rollback opens an incident, and the incident quarantines the version: it, and every record of the same bytes, may be
neither candidate nor stable until somebody has found that it was something else. Without that the next automatic update
re-applies what was just undone.
"""

from __future__ import annotations

from collections.abc import Iterator

from rollout_spec.eligibility import quarantined
from rollout_spec.finding import Problem
from rollout_spec.rules.subject import Subject

KINDS = frozenset({"ModelRollout"})
NEEDS = ""
UNCONDITIONAL = True


def check(subject: Subject) -> Iterator[Problem]:
    """Look for an incident of stable and of the candidate."""
    rollout = subject.model
    away = quarantined(rollout, subject.repository)
    for field, version in (("stable", rollout.spec.live.stable), ("candidate", rollout.spec.live.candidate)):
        incident = away.get(version) if version is not None else None
        if incident is None or incident.model is None:
            continue
        spec = incident.model.spec
        if field == "stable" and spec.restored_version is None and spec.failed_version == version:
            continue  # there was no way back: it serves until something replaces it
        same = "" if spec.failed_version == version else f", the same bytes as {spec.failed_version},"
        ended = "was found bad" if spec.verdict == "bad" and spec.status == "resolved" else "is quarantined"
        words = f"{version}{same} {ended} by incident {incident.stem}"
        yield Problem(("spec", "live", field), words, f"choose another version, or resolve {incident.path} as cleared")
