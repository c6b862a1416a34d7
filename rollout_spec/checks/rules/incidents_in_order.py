"""An incident takes its course: the failure is seen, the version is replaced, and then the incident is resolved.

An incident whose version was found bad stays open while that version answers requests for want of a way back: once it
is resolved nobody looks at it any more, and the bad version serves on. One that was cleared may be resolved at any
time. An incident that was seen in the future throws off whatever counts from that time, such as the cool-down.

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
      resolution: It is to be trained anew.
    # rollouts/fraud.yaml
    spec:
      live: {stable: "41"}    # it answers still

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

_CLOCKS_DIFFER = timedelta(minutes=5)


def check(subject: Subject) -> Iterator[Problem]:
    """Compare the incident with the clock, and with what is live."""
    spec, now = subject.model.spec, subject.now
    if now is not None and spec.observed_at > now + _CLOCKS_DIFFER:
        words = f"this is in the future: it is {format_time(now)} now"
        yield Problem(("spec", "observedAt"), words, "write when the failure was seen, with its zone", "warning")
    rollout = subject.repository.rollout(spec.rollout)
    live = rollout.model.spec.live if rollout and rollout.model else None
    ended = spec.status == "resolved" and spec.verdict == "bad"
    if ended and live and live.stable == spec.failed_version and spec.restored_version is None:  # else not-quarantined
        words = f"{spec.failed_version} was found bad and is stable still, so that this is not over"
        yield Problem(("spec", "status"), words, "promote another version first, and leave this open until then")
