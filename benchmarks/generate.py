"""Writes a workspace of many rollouts, the same bytes each time: ``generate.py FOLDER [ROLLOUTS]``.

Each rollout has about 3 KB, three versions with pins on components that its team's others share, a candidate in its
second stage, six triggers and three targets. Of each four, one has an incident that was cleared, and one pins a range
of versions, unless it is critical: the pack ``baseline``, which the workspace may name, demands exact ones.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

WORKSPACE = """\
apiVersion: rollout-spec/v1
kind: Workspace
metadata: {{name: benchmark, owner: team-ml-platform}}
spec:
  policies: [{policies}]
  metrics:
    conversion_rate: {{kind: ratio, good: up, events: shop_orders_total, total: shop_sessions_total}}
    psi: {{kind: value, good: down, query: 'model_psi{{model="{{{{ rollout }}}}", version="{{{{ version }}}}"}}'}}
"""

COMPONENT = """\
apiVersion: rollout-spec/v1
kind: Component
metadata: {{name: {name}, owner: team-features}}
spec:
  type: feature
  serving: {serving}
"""

ROLLOUT = """\
# yaml-language-server: $schema=../schemas/model-rollout.schema.json
apiVersion: rollout-spec/v1
kind: ModelRollout
metadata:
  name: {name}
  namespace: ml-{team}
  owner: team-{team}
  tier: {tier}
  description: Scores the requests of {name}.
spec:
  service:
    host: {name}.ml-{team}.svc.cluster.local
    requestsPerSecond: {load}            # expected load
    metrics: istio
    inferenceLog: s3://inference-logs/{name}/

  versions:                            # append-only: a record that was merged never changes
{records}
  live:                                # the only block that moves traffic
    stable: "{stable}"
    candidate: "{candidate}"
    stage: canary-5
    knownGood: ["{known_good}"]

  stages:
    - {{name: shadow, mirror: 20%, hold: 1h}}
    - {{name: canary-5, weight: 5%, hold: 15m}}
    - {{name: ab-50, weight: 50%, hold: 48h, approval: manual}}
    - {{name: full, weight: 100%, hold: 24h}}

  triggers:
    - {{name: serving-errors, type: threshold, metric: error_rate, above: 5%, within: 15m, during: [canary-5]}}
    - {{name: latency-sla, type: latency, quantile: 99%, above: 250ms, window: 5m, for: 2m}}
    - {{name: conversion, type: comparison, metric: conversion_rate, drop: 5%, baseline: 8%, during: [ab-50]}}
    - {{name: offline-auc, type: offline, metric: auc, tolerance: 0.05}}
    - {{name: drift, type: threshold, metric: psi, above: 0.2, severity: soft}}
    - {{name: expert-spot-check, type: manual, reasons: [negative-trend, spot-check, data-quality]}}

  rollback:
    merge: auto
    reviewers: [team-{team}]
    runbook: https://runbooks.example.com/{name}
    window: 7d

  targets:
    - {{type: kserve, servingRuntime: kserve-sklearnserver}}
    - {{type: gateway-api, gateway: {{name: edge, namespace: gateways}}}}
    - {{type: prometheus}}
"""

RECORD = """\
    "{version}":
      model: models:/{name}/{version}
      artifact: s3://models/{name}/{version}/
      digest: sha256:{digest}
      format: sklearn
      runId: {run}
      datasetDigest: sha256:{dataset}
      metrics: {{auc: 0.9{auc:04}}}
      requires: {{features-{team}: "{features}", schema-{team}: "3.1", tokenizer: {tokenizer}}}
"""

INCIDENT = """\
apiVersion: rollout-spec/v1
kind: Incident
metadata: {{name: {name}-{version}, owner: team-{team}}}
spec:
  rollout: {name}
  failedVersion: "{version}"
  restoredVersion: "{restored}"
  trigger: serving-errors
  source: alertmanager
  observedAt: 2026-11-20T10:15:00Z
  stage: canary-5
  status: resolved
  verdict: cleared
  reproduced: {{environment: staging}}
  rootCause: The upstream was down.
  resolution: Rolled out again.
"""

TIERS = ("critical", "standard", "experimental")
PINS_A_RANGE, HAS_AN_INCIDENT = 1, 2
TEAMS = ("ads", "fraud", "maps", "pricing", "search", "support", "video")


def write_workspace(folder: Path, rollouts: int, policies: str = "baseline") -> None:
    """Write the workspace file, which names packs of policies, the components, the rollouts and their incidents."""
    for name in ("rollouts", "components", "incidents"):
        (folder / name).mkdir(parents=True)
    (folder / ".rollout-spec.yaml").write_text(WORKSPACE.format(policies=policies))
    components = {"tokenizer": '["1.4.2"]'}
    for team in TEAMS:
        components[f"features-{team}"] = '["11", "12"]'
        components[f"schema-{team}"] = '["3.1"]'
    for name, serving in components.items():
        (folder / "components" / f"{name}.yaml").write_text(COMPONENT.format(name=name, serving=serving))
    for number in range(rollouts):
        _write_rollout(folder, number)


def _write_rollout(folder: Path, number: int) -> None:
    team = TEAMS[number % len(TEAMS)]
    name = f"{team}-model-{number:05}"
    versions = [str(number % 50 + offset) for offset in range(40, 43)]
    tier = TIERS[number % len(TIERS)]
    tokenizer = '">=1.4,<2"' if number % 4 == PINS_A_RANGE and tier != "critical" else "1.4.2"
    records = "".join(_record(name, team, version, tokenizer) for version in versions)
    text = ROLLOUT.format(
        name=name,
        team=team,
        tier=tier,
        load=number % 400 + 1,
        records=records,
        known_good=versions[0],
        stable=versions[1],
        candidate=versions[2],
    )
    (folder / "rollouts" / f"{name}.yaml").write_text(text)
    if number % 4 == HAS_AN_INCIDENT:
        incident = INCIDENT.format(name=name, team=team, version=versions[2], restored=versions[1])
        (folder / "incidents" / f"{name}-{versions[2]}.yaml").write_text(incident)


def _record(name: str, team: str, version: str, tokenizer: str) -> str:
    digest = hashlib.sha256(f"{name}/{version}".encode()).hexdigest()
    return RECORD.format(
        name=name,
        team=team,
        version=version,
        digest=digest,
        dataset=digest[::-1],
        run=digest[:32],
        auc=int(digest[:3], 16),
        features="12" if int(version) % 3 else "11",
        tokenizer=tokenizer,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="where the workspace comes to be")
    parser.add_argument("rollouts", type=int, nargs="?", default=2000, metavar="ROLLOUTS", help="(default: 2000)")
    chosen = parser.parse_args()
    write_workspace(chosen.folder, chosen.rollouts)
