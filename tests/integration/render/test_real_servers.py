"""An oracle that accepts everything, or refuses everything, would go unnoticed: so each one is asked about both."""

from __future__ import annotations

import subprocess
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from real_servers import CrdServer

pytestmark = pytest.mark.system

ROUTE: dict[str, Any] = {
    "apiVersion": "gateway.networking.k8s.io/v1",
    "kind": "HTTPRoute",
    "metadata": {"name": "churn", "namespace": "ml"},
    "spec": {
        "parentRefs": [{"name": "edge", "namespace": "gateways"}],
        "rules": [
            {
                "backendRefs": [
                    {"name": "churn-v7-predictor", "port": 80, "weight": 95},
                    {"name": "churn-v8-predictor", "port": 80, "weight": 5},
                ]
            }
        ],
    },
}

SERVICE: dict[str, Any] = {
    "apiVersion": "serving.kserve.io/v1beta1",
    "kind": "InferenceService",
    "metadata": {"name": "churn-v7", "namespace": "ml"},
    "spec": {
        "predictor": {"model": {"modelFormat": {"name": "sklearn"}, "storageUri": "s3://models/churn/7/"}},
        "canary": [
            {
                "trafficPercent": 5,
                "predictor": {
                    "name": "v8",
                    "model": {
                        "name": "kserve-container",
                        "modelFormat": {"name": "sklearn"},
                        "storageUri": "s3://models/churn/8/",
                    },
                },
            }
        ],
    },
}

RULES = """\
groups:
  - name: churn
    rules:
      - alert: TooManyErrors
        expr: rate(errors_total[5m]) > {limit}
"""


def changed(manifest: dict[str, Any], path: tuple[str | int, ...], value: object) -> dict[str, Any]:
    copy = deepcopy(manifest)
    place: Any = copy
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return copy


@pytest.mark.parametrize("manifest", [ROUTE, SERVICE], ids=["HTTPRoute", "InferenceService"])
def test_the_server_accepts_a_correct_manifest(crd_server: CrdServer, manifest: dict[str, Any]) -> None:
    assert crd_server.dry_run(manifest) == (201, "")


@pytest.mark.parametrize(
    ("manifest", "path"),
    [(ROUTE, ("spec", "rules", 0, "backendRef")), (SERVICE, ("spec", "predictor", "minReplica"))],
    ids=["HTTPRoute", "InferenceService"],
)
def test_the_server_refuses_an_unknown_field(
    crd_server: CrdServer, manifest: dict[str, Any], path: tuple[str | int, ...]
) -> None:
    status, message = crd_server.dry_run(changed(manifest, path, 1))
    assert status == 400
    assert f'unknown field "{_dotted(path)}"' in message


@pytest.mark.parametrize(
    ("manifest", "path", "value"),
    [
        (ROUTE, ("spec", "rules", 0, "backendRefs", 1, "weight"), 1_000_001),
        (SERVICE, ("spec", "canary", 0, "trafficPercent"), 101),
    ],
    ids=["HTTPRoute", "InferenceService"],
)
def test_the_server_refuses_a_weight_out_of_range(
    crd_server: CrdServer, manifest: dict[str, Any], path: tuple[str | int, ...], value: int
) -> None:
    status, message = crd_server.dry_run(changed(manifest, path, value))
    assert status == 422
    assert _dotted(path) in message


def _dotted(path: tuple[str | int, ...]) -> str:
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path).removeprefix(".")


@pytest.mark.parametrize(("limit", "status"), [("0.05", 0), ("5%", 1)], ids=["good", "bad"])
def test_promtool_tells_good_rules_from_bad_ones(promtool: Path, tmp_path: Path, limit: str, status: int) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text(RULES.format(limit=limit))
    run = subprocess.run([promtool, "check", "rules", file], capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == status, run.stdout + run.stderr
