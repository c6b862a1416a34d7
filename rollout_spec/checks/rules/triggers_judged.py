"""Every trigger is judged.

Alerts judge thresholds and latency, and a person fires a manual trigger. `gate` judges comparisons, from the counters
in the Prometheus that the workspace names, and offline triggers, from the records of the two versions. Without a
Prometheus it has no data about anything but the records, so that no stage with other triggers passes it. Then steps
are taken without `gate`: the rollout shows a guard that has no effect, and a worse candidate is promoted.

If another system judges a trigger and reports its breaches, such as a service for experiments, write
`judgedBy: external`. A comparison of a metric that is a value needs that too: such a metric has no sample size, so
`gate` cannot distinguish a difference from chance.

A stage is judged after its `warmup`. If that is not shorter than the stage's `hold`, the hold ends with nothing judged.

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

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from rollout_spec.checks.rules.base import Subject
from rollout_spec.core.findings import KeyPath, Problem
from rollout_spec.core.units import format_duration
from rollout_spec.domain.metrics.queries import kind_of

if TYPE_CHECKING:
    from rollout_spec.spec.rollout import Stage
    from rollout_spec.spec.triggers import Comparison, Offline
    from rollout_spec.spec.workspace import Metric

KINDS = frozenset({"ModelRollout"})
NEEDS = ""
UNCONDITIONAL = False

_BY_GATE = ("comparison", "offline")
_EXTERNAL = "`judgedBy: external` if another system reports its breaches"


def check(subject: Subject) -> Iterator[Problem]:
    """Find triggers that nothing judges, and stages that end before they are judged."""
    for index, stage in enumerate(subject.model.spec.stages):
        yield from _warmup(stage, ("spec", "stages", index, "warmup"))
    settings = subject.repository.settings
    if settings is None:
        return
    for index, trigger in enumerate(subject.model.spec.triggers):
        if trigger.type in _BY_GATE and trigger.judged_by == "gate":
            has_prometheus = settings.prometheus is not None
            yield from _judged(trigger, settings.metrics, has_prometheus, ("spec", "triggers", index))


def _judged(
    trigger: Comparison | Offline, own: Mapping[str, Metric], has_prometheus: bool, at: KeyPath
) -> Iterator[Problem]:
    if trigger.type == "comparison" and kind_of(trigger.metric, own) == "value":
        message = f"`gate` cannot judge {trigger.name}: {trigger.metric} is a value, which has no sample size"
        hint = f"compare a ratio of two counters, watch the value with a threshold, or write {_EXTERNAL}"
        yield Problem((*at, "metric"), message, hint, "warning")
    elif not has_prometheus:
        message = f"{trigger.name} is never judged: this workspace names no Prometheus"
        if trigger.type == "offline":
            message = (
                f"only `gate` judges {trigger.name}, from the records; "
                "its other triggers need a Prometheus, and this workspace names none"
            )
        hint = f"add `prometheus: {{url: …}}` to .rollout-spec.yaml, or write {_EXTERNAL}"
        yield Problem((*at, "type"), message, hint, "warning")


def _warmup(stage: Stage, at: KeyPath) -> Iterator[Problem]:
    if stage.warmup is not None and stage.hold is not None and stage.warmup >= stage.hold:
        hold = format_duration(stage.hold)
        message = f"nothing of {stage.name} is judged: its hold of {hold} is over when its warmup ends"
        yield Problem(at, message, f"write less than {hold}, or leave `warmup` out", "warning")
