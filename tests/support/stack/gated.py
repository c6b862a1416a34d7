"""A rollout repository for the stack in which the gate alone moves the candidate. A stage lasts seconds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from string import Template

from envoys import HOST
from repo import Repo

from stack import workspace

HOLDS = {"shadow": 14, "canary": 14, "ab": 18, "full": 14}
"""The hold of each stage in seconds. Envoy has to follow the base within the warm-up."""
WARM_UP = 6
_WORKSPACE = """\
apiVersion: rollout-spec/v1
kind: Workspace
metadata: {name: acme-models, owner: team-ml-platform}
spec:
  forge: {type: local} # until the forge runs
  prometheus: {url: "$prometheus"}
  metrics:
    conversion_rate:
      kind: ratio
      good: up
      events: 'shop_orders_total{rollout="{{ rollout }}", version="{{ version }}"}'
      total: 'shop_sessions_total{rollout="{{ rollout }}", version="{{ version }}"}'
  service:
    reconcile: 1s
    monitors:
      alertmanager: {type: alertmanager, auth: {bearer: {env: ALERTMANAGER_TOKEN}}}
  automation: {mode: auto-merge, cooldown: 0s}
"""
_ROLLOUT = """\
apiVersion: rollout-spec/v1
kind: ModelRollout
metadata: {name: fraud, namespace: ml, owner: team-risk, tier: standard, description: Scores card payments.}
spec:
  service: {host: $host, requestsPerSecond: 60, metrics: envoy, inferenceLog: s3://inference-logs/fraud/}

  versions:
$records
  live:
    stable: "41"
    candidate: "42"
    knownGood: ["40"]

  stages:
$stages

  triggers:
    - {name: serving-errors, type: threshold, metric: error_rate, above: 10%, window: 5s}
    - {name: latency, type: latency, quantile: 90%, above: 1s, window: 5s}
    - {name: conversion, type: comparison, metric: conversion_rate, drop: 30%, baseline: 60%, alpha: 0.1%, during: [ab]}

  rollback:
    merge: auto
    promote: auto
    reviewers: [team-risk]
    runbook: https://runbooks.example.com/fraud
    window: 7d

  targets:
    - {type: envoy}
    - {type: prometheus-operator, minimumRequests: 10, interval: 1s}
"""
_TRAFFIC = {"shadow": "mirror: 50%", "canary": "weight: 20%", "ab": "weight: 50%", "full": "weight: 100%"}


def create(place: Path, digests: Mapping[str, str], prometheus: str) -> Repo:
    """Create the repository and its remote. The candidate is proposed, and in no stage yet."""
    stages = "\n".join(
        f"    - {{name: {name}, {_TRAFFIC[name]}, hold: {hold}s, warmup: {WARM_UP}s}}" for name, hold in HOLDS.items()
    )
    rollout = Template(_ROLLOUT).substitute(host=HOST, records=workspace.records(digests), stages=stages)
    return workspace.create_from(place, Template(_WORKSPACE).substitute(prometheus=prometheus), rollout)
