"""A rollout repository for the stack: 41 is stable, and 42 receives a share of the traffic."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from envoys import HOST
from fakes.statuses import CONTEXT
from repo import Repo, git, run

CANARY = 10
"""The share of requests that the candidate answers, in percent."""
SERVICE = "http://rollout-spec.rollout-spec.svc"
"""The address of the service in a cluster."""
OPERATOR = "manifests/fraud/prometheus-operator.yaml"
_WORKSPACE = """\
apiVersion: rollout-spec/v1
kind: Workspace
metadata: {{name: acme-models, owner: team-ml-platform}}
spec:
  policies: [baseline]
  forge: {{type: local}} # until the forge runs
  service:
    monitors:
      alertmanager: {{type: alertmanager, auth: {{bearer: {{env: ALERTMANAGER_TOKEN}}}}}}
  automation:
    mode: auto-merge
    attest: {context}
"""
_ROLLOUT = """\
apiVersion: rollout-spec/v1
kind: ModelRollout
metadata:
  name: fraud
  namespace: ml
  owner: team-risk
  tier: critical
  description: Scores card payments for fraud.
spec:
  service: {{host: {host}, requestsPerSecond: 60, metrics: envoy, inferenceLog: s3://inference-logs/fraud/}}

  versions:
{records}
  live:
    stable: "41"
    candidate: "42"
    stage: canary
    knownGood: ["40"]

  stages:
    - {{name: canary, weight: {canary}%, hold: 15m}}
    - {{name: full, weight: 100%, hold: 24h}}

  triggers:
    - {{name: serving-errors, type: threshold, metric: error_rate, above: 5%, window: 5s}}
    - {{name: latency, type: latency, quantile: 99%, above: 250ms, window: 5m, for: 2m}}

  rollback:
    merge: auto
    reviewers: [team-risk]
    runbook: https://runbooks.example.com/fraud
    window: 7d

  targets:
    - {{type: envoy}}
    - type: prometheus-operator
      minimumRequests: 10
      interval: 1s
      webhook: {{url: {webhook}, bearer: {{name: rollout-spec}}}}
"""
_RECORD = """\
    "{version}":
      artifact: s3://models/fraud/{version}/
      digest: sha256:{digest}
      format: sklearn
      runId: run-{version}
      datasetDigest: sha256:2222222222222222222222222222222222222222222222222222222222222222
"""


def create(place: Path, digests: Mapping[str, str]) -> Repo:
    """Create the repository and its remote. Its commits are an hour old."""
    webhook = f"{SERVICE}/v1/breaches/alertmanager"
    rollout = _ROLLOUT.format(host=HOST, records=records(digests), canary=CANARY, webhook=webhook)
    return create_from(place, _WORKSPACE.format(context=CONTEXT), rollout)


def records(digests: Mapping[str, str]) -> str:
    """Return the records of 40 and of other versions."""
    return "".join(
        _RECORD.format(version=version, digest=digest) for version, digest in {"40": "5" * 64, **digests}.items()
    )


def create_from(place: Path, settings: str, rollout: str) -> Repo:
    """Create a repository and its remote with the texts of a workspace and a rollout."""
    remote, folder = place / "remote.git", place / "clone"
    git(place, "init", "-q", "--bare", "-b", "main", str(remote))
    git(place, "init", "-q", "-b", "main", str(folder))
    git(folder, "remote", "add", "origin", str(remote))
    repo = Repo(folder, remote, clock=[datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)])
    repo.write(".rollout-spec.yaml", settings)
    repo.write("rollouts/fraud.yaml", rollout)
    repo.render()
    repo.commit("Serve fraud")
    checked = run("--repo", str(folder), "check")
    assert checked.status == 0, checked.text
    return repo
