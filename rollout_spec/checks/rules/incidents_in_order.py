"""An incident is resolved after its version has been replaced, and its time is not in the future.

If there was no rollback target, a version that was found bad is still served. Its incident must stay open until the
version is replaced, because nobody looks at a resolved incident. An incident whose version was cleared may be resolved
at any time. A time in the future misleads everything that counts from it, such as the cool-down.

Fails::

    # incidents/fraud-41.yaml
    apiVersion: rollout-spec/v1
    kind: Incident
    metadata: {name: fraud-41}
    spec:
      rollout: fraud
      failedVersion: "41"
      restoredVersion: null
      source: alertmanager
      observedAt: 2026-11-20T10:15:00Z
      status: resolved
      verdict: bad
      reproduced: {environment: staging, link: https://example.com/runs/7}
      rootCause: It was trained on the labels of another month.
      resolution: It will be trained again.
    # rollouts/fraud.yaml
    spec:
      live: {stable: "41"}    # still served

Passes::

    # incidents/fraud-41.yaml
    apiVersion: rollout-spec/v1
    kind: Incident
    metadata: {name: fraud-41}
    spec:
      rollout: fraud
      failedVersion: "41"
      restoredVersion: null
      source: alertmanager
      observedAt: 2026-11-20T10:15:00Z
      status: open
    # rollouts/fraud.yaml
    spec:
      live: {stable: "41"}
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from rollout_spec.checks.rules.base import Subject
from rollout_spec.core.findings import Problem
from rollout_spec.core.units import format_time

KINDS = frozenset({"Incident"})
NEEDS = ""
UNCONDITIONAL = False

_CLOCK_SKEW = timedelta(minutes=5)


def check(subject: Subject) -> Iterator[Problem]:
    """Compare the incident with the clock, and with the live version."""
    spec, now = subject.model.spec, subject.now
    if now is not None and spec.observed_at > now + _CLOCK_SKEW:
        message = f"this time is in the future: now is {format_time(now)}"
        yield Problem(("spec", "observedAt"), message, "write the time of the failure, with its time zone", "warning")
    rollout = subject.repository.rollout(spec.rollout)
    live = rollout.model.spec.live if rollout and rollout.model else None
    is_found_bad = spec.status == "resolved" and spec.verdict == "bad"
    if (
        is_found_bad and live and live.stable == spec.failed_version and spec.restored_version is None
    ):  # else not-quarantined reports it
        message = f"`status: resolved` with `verdict: bad`, but {spec.failed_version} is still `stable`"
        yield Problem(("spec", "status"), message, "write `status: open` until another version is promoted")
