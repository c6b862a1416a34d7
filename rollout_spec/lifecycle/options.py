"""The options of ``bootstrap``, by the fields of a new rollout that they set."""

from __future__ import annotations

from rollout_spec.core.findings import KeyPath

OPTIONS: dict[KeyPath, str] = {
    ("metadata", "namespace"): "--namespace",
    ("metadata", "owner"): "--owner",
    ("metadata", "tier"): "--tier",
    ("metadata", "description"): "--description",
    ("spec", "service", "host"): "--host",
    ("spec", "service", "port"): "--port",
    ("spec", "service", "requestsPerSecond"): "--requests-per-second",
    ("spec", "service", "metrics"): "--profile",
    ("spec", "service", "inferenceLog"): "--inference-log",
    ("spec", "rollback", "reviewers"): "--reviewer",
    ("spec", "rollback", "runbook"): "--runbook",
    ("spec", "targets"): "--target",
}
RECORD_OPTIONS = {
    "artifact": "--artifact",
    "format": "--format",
    "digest": "--digest",
    "runId": "--run-id",
    "datasetDigest": "--dataset-digest",
    "model": "--model",
    "metrics": "--metric",
    "requires": "--requires",
}


def option_of(path: KeyPath) -> str:
    """Return the option that sets a field of a new rollout, or the field itself."""
    if path[:2] == ("spec", "versions") and len(path) > 3 and path[3] in RECORD_OPTIONS:
        return RECORD_OPTIONS[str(path[3])]
    for length in range(len(path), 0, -1):
        if path[:length] in OPTIONS:
            return OPTIONS[path[:length]]
    return ".".join(map(str, path)) or "the rollout"
