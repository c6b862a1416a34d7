"""Every trigger is evaluated.

Alerts evaluate thresholds and latency, and a person fires a manual trigger. `gate` evaluates comparison and offline
triggers, from the Prometheus that the workspace names. Without one they are never evaluated: the rollout shows a guard
that has no effect, and a worse candidate is promoted.

Fails::

    # .rollout-spec.yaml
    apiVersion: rollout-spec/v1
    kind: Workspace
    metadata: {name: acme-models}
    spec: {}
    # rollouts/fraud.yaml
    spec:
      triggers:
        - {name: offline-auc, type: offline, metric: auc, tolerance: 0.002}

Passes::

    # .rollout-spec.yaml
    apiVersion: rollout-spec/v1
    kind: Workspace
    metadata: {name: acme-models}
    spec:
      prometheus: {url: http://prometheus:9090, auth: {bearer: {env: PROMETHEUS_TOKEN}}}
    # rollouts/fraud.yaml
    spec:
      triggers:
        - {name: offline-auc, type: offline, metric: auc, tolerance: 0.002}
"""

from __future__ import annotations

from collections.abc import Iterator

from rollout_spec.checks.rules.base import Subject
from rollout_spec.core.findings import Problem

KINDS = frozenset({"ModelRollout"})
NEEDS = ""
UNCONDITIONAL = False

_BY_GATE = ("comparison", "offline")


def check(subject: Subject) -> Iterator[Problem]:
    """Find triggers that only `gate` evaluates, in a workspace without Prometheus."""
    settings = subject.repository.settings
    if settings is None or settings.prometheus is not None:
        return
    for index, trigger in enumerate(subject.model.spec.triggers):
        if trigger.type in _BY_GATE:
            message = f"{trigger.name} is never evaluated: this workspace names no Prometheus"
            hint = "add `prometheus: {url: …}` to .rollout-spec.yaml, or remove the trigger"
            yield Problem(("spec", "triggers", index, "type"), message, hint, "warning")
