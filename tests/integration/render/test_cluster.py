"""What ``check`` passes, a cluster accepts: an API server, the rules of KServe's webhook, and promtool."""

from __future__ import annotations

import json
import os
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import cluster_specs
import pytest
import webhooks
import yaml
from hypothesis import HealthCheck, given, settings
from real_servers import CrdServer

from rollout_spec.checks.runner import check
from rollout_spec.core.errors import UserError
from rollout_spec.core.findings import Finding
from rollout_spec.render.renderer import render
from rollout_spec.workspace.repository import Repository
from rollout_spec.workspace.tree import Overlay
from rollout_spec.workspace.working_tree import WorkingTree

pytestmark = pytest.mark.system

EXAMPLES = int(os.environ.get("ROLLOUT_SPEC_CLUSTER_EXAMPLES") or 600)
"""How many rollouts are drawn; with another number than ours they are others each time."""
RULE = {
    "apiVersion": "monitoring.coreos.com/v1",
    "kind": "PrometheusRule",
    "metadata": {"name": "rollout", "namespace": "ml"},
}


Values = Sequence[tuple[str, Any]]
KNATIVE, NO_KSERVE = ("deploymentMode", "Knative"), ("targets", ["gateway-api", "prometheus"])
BOUNDS: Mapping[str, tuple[Values, Values]] = {
    "host": ([("host", "h" * 63 + ".h" * 95)], [("host", "h" * 62 + ".h" * 96)]),
    "header": ([("header", "x" * 256)], [("header", "x" * 257)]),
    "value": ([("value", "v" * 4096)], [("value", "v" * 4097)]),
    "value of two bytes each": ([("value", "é" * 4096)], [("value", "é" * 4097)]),
    "value beyond 16 bits": ([("value", "🦊" * 4096)], [("value", "🦊" * 4097)]),
    "port": ([NO_KSERVE, ("port", 65535)], [NO_KSERVE, ("port", 65536)]),
    "port above 0": ([NO_KSERVE, ("port", 1)], [NO_KSERVE, ("port", 0)]),
    "namespace": ([("namespace", "n" * 63)], [("namespace", "n" * 64)]),
    "gateway": ([("gateway", "g" * 253)], [("gateway", "g" * 254)]),
    "gateway with a name": ([("gateway", "g")], [("gateway", "")]),
    "gateway's namespace": ([("gateway's namespace", "n" * 63)], [("gateway's namespace", "n" * 64)]),
    "form of a namespace": ([("gateway's namespace", "7")], [("gateway's namespace", "n_s")]),
    "section": ([("section", "s" * 253)], [("section", "s" * 254)]),
    "form of a section": ([("section", "s.s")], [("section", "s..s")]),
    "backend": ([("backend", {"name": "b" * 63})], [("backend", {"name": "b" * 64})]),
    "backend filled in": (
        [("backend", {"name": "b" * 61 + "{version}"})],
        [("backend", {"name": "b" * 62 + "{version}"})],
    ),
    "backend's port": (
        [("backend", {"name": "b", "port": 65535})],
        [("backend", {"name": "b", "port": 65536})],
    ),
    "release": ([("release", "r" * 63)], [("release", "r" * 64)]),
    "form of a release": ([("release", "R_r.1")], [("release", "-r")]),
    "minReplicas": ([("minReplicas", 2**31 - 1)], [("minReplicas", 2**31)]),
    "minReplicas above 0": ([("minReplicas", 0)], [("minReplicas", -1)]),
    "maxReplicas": ([("maxReplicas", 2**31 - 1)], [("maxReplicas", 2**31)]),
    "standby": ([("standby", 2**31 - 1)], [("standby", 2**31)]),
    "minReplicas to maxReplicas": (
        [("minReplicas", 2), ("maxReplicas", 2)],
        [("minReplicas", 3), ("maxReplicas", 2)],
    ),
    "maxReplicas above 0": ([("maxReplicas", 1)], [("maxReplicas", -1)]),
    "standby above 0": ([("standby", 0)], [("standby", -1)]),
    "standby to maxReplicas": ([("standby", 2), ("maxReplicas", 2)], [("standby", 3), ("maxReplicas", 2)]),
    "serviceAccountName": ([("serviceAccountName", "s" * 253)], [("serviceAccountName", "s" * 254)]),
    "form of a serviceAccountName": ([("serviceAccountName", "s.s")], [("serviceAccountName", "s_s")]),
    "form of a backend": ([("backend", {"name": "7b"})], [("backend", {"name": "b_b"})]),
    "first letter": ([("name", "f7")], [("name", "7f")]),
    "Service": (
        [KNATIVE, ("backend", {"name": "b"}), ("candidate", "1" * 46)],
        [KNATIVE, ("backend", {"name": "b"}), ("candidate", "1" * 47)],
    ),
    "label of pods": ([("candidate", "1" * 41)], [("candidate", "1" * 42)]),
    "devices": ([("gpu", "1000m")], [("gpu", "1500m")]),
    "image": ([("image", "img@sha256:1")], [("image", "img ")]),
    "variable": ([("environment", {"PYTHONUNBUFFERED": "1"})], [("environment", {"PYTHONPATH": "/"})]),
}
"""Values that are just within a bound, and values that are just beyond it."""


class Cluster:
    """A server that accepts objects, and all that was asked of it."""

    def __init__(self, server: CrdServer, folder: Path) -> None:
        self._server = server
        self._known: dict[str, str | None] = {}
        self._nowhere = WorkingTree(folder / "nowhere")
        self.rules: dict[str, str] = {}
        """The rule files that were rendered, with the rollouts of which they are."""

    def judge(self, rollout: Mapping[str, Any]) -> tuple[list[Finding], list[str] | None]:
        """Return the errors of ``check``, and why the cluster refuses what is rendered; None if nothing can be."""
        path = f"rollouts/{rollout['metadata']['name'] or 'x'}.yaml"
        text = yaml.safe_dump(rollout, sort_keys=False)
        files = {path: text.encode(), ".rollout-spec.yaml": cluster_specs.WORKSPACE.encode()}
        repository = Repository(Overlay(self._nowhere, files))
        errors = [each for each in check(repository, paths=[path]).findings if each.severity == "error"]
        file = repository.file(path)
        if file is None or file.model is None:
            return errors, None
        try:
            manifests = {each.path: each.text for each in render(file.model, repository)}
        except (UserError, LookupError, TypeError, AttributeError):  # what `check` refuses may not be renderable
            assert errors, text
            return errors, None
        return errors, [why for path, each in manifests.items() for why in self._refused(path, each, text, errors)]

    def _refused(self, path: str, manifest: str, rollout: str, errors: list[Finding]) -> Iterator[str]:
        documents = list(yaml.load_all(manifest, yaml.CSafeLoader))
        if path.endswith("/kustomization.yaml"):
            return  # kustomize reads it, and no cluster
        if path.startswith("alerts/"):
            documents = [{**RULE, "spec": each} for each in documents]
            if not errors:
                self.rules[manifest] = rollout
        for document in documents:
            if why := self._asked(document):
                yield why
            else:  # the webhook gets what is of the right form
                yield from webhooks.refusals(document)

    def _asked(self, document: Mapping[str, Any]) -> str | None:
        key = json.dumps(document, sort_keys=True)
        if key not in self._known:
            status, words = self._server.dry_run(document)
            self._known[key] = None if status == 201 else f"{status}: {words}"
        return self._known[key]


@pytest.fixture
def cluster(crd_server: CrdServer, tmp_path: Path) -> Cluster:
    return Cluster(crd_server, tmp_path)


def test_a_cluster_accepts_an_ordinary_rollout(cluster: Cluster) -> None:
    assert cluster.judge(cluster_specs.ordinary()) == ([], [])


@pytest.mark.parametrize("name", BOUNDS)
def test_check_has_each_bound_where_the_cluster_has_it(cluster: Cluster, name: str) -> None:
    within, beyond = BOUNDS[name]
    assert cluster.judge(cluster_specs.odd(*within)) == ([], [])
    errors, refused = cluster.judge(cluster_specs.odd(*beyond))
    assert errors
    assert refused is None or refused != []


def test_a_name_that_kserve_refuses_may_be_that_of_a_rollout_without_it(cluster: Cluster) -> None:
    assert cluster.judge(cluster_specs.odd(("name", "7fraud"), NO_KSERVE)) == ([], [])
    errors, refused = cluster.judge(cluster_specs.odd(("name", "7fraud")))
    assert [each.name for each in errors] == ["targets-fit"]
    assert refused


def test_a_cluster_accepts_what_check_passes(cluster: Cluster, promtool: Path, tmp_path: Path) -> None:
    seen: Counter[str] = Counter()

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=EXAMPLES == 600,
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(cluster_specs.rollouts())
    def holds(rollout: dict[str, Any]) -> None:
        errors, refused = cluster.judge(rollout)
        told = [f"{each.message} [{each.name}]" for each in errors]
        assert errors or refused == [], f"check passes what is refused: {refused}\n{json.dumps(rollout)}"
        seen["passes"] += not errors
        seen["refused by check"] += bool(errors)
        seen["refused by both"] += bool(errors and refused)
        seen["a bound of a target"] += any("[targets-fit]" in each or "[references-exist]" in each for each in told)

    holds()
    share = {name: count / (seen["passes"] + seen["refused by check"]) for name, count in seen.items()}
    print(dict(seen), share)
    assert share["passes"] > 0.25
    assert share["refused by check"] > 0.25
    assert share["refused by both"] > 0.1
    assert share["a bound of a target"] > 0.1
    _check_rules(promtool, cluster.rules, tmp_path)


SELECTORS = (
    *("shop", "shop:x:y", ":", "sum", "by", "offset", "and", "start", 'by{a="b"}', "SUM"),
    *("on", "On", "inf", "NaN", "bool", "atan2", "ignoring", "group_left", "group_right"),
    *('shop{a="b",}', "shop{,}", 'shop{a="é"}', 'shop{__name__="x"}', 'shop{a="b", c!="d"}', 'shop{a=""}'),
    *(
        r'shop{a="\z"}',
        r'shop{a="\d"}',
        r'shop{a="\\d"}',
        r'shop{a="\n\t\""}',
        r'shop{a="\x41\u00e9\101"}',
        r'shop{a="\400"}',
    ),
    *(
        r'shop{a=~"("}',
        r'shop{a=~"[a-"}',
        r'shop{a=~"\\d+"}',
        r'shop{a!~"a{1001}"}',
        r'shop{a=~"(?=a)"}',
        r'shop{a=~"a|b"}',
    ),
    *(r'shop{a=~"*"}', r'shop{a=~"\\1"}', r'shop{a="("}', r'shop{a=~"{{ version }}-.*"}'),
)


@pytest.mark.parametrize("selector", SELECTORS)
def test_prometheus_takes_the_selectors_that_check_passes(promtool: Path, tmp_path: Path, selector: str) -> None:
    workspace = json.loads(cluster_specs.WORKSPACE)
    workspace["spec"]["metrics"] = {"sales": {"kind": "ratio", "good": "up", "events": selector, "total": "sessions"}}
    files = {".rollout-spec.yaml": yaml.safe_dump(workspace).encode()}
    repository = Repository(Overlay(WorkingTree(tmp_path / "nowhere"), files))
    passes = check(repository, paths=[".rollout-spec.yaml"]).findings == ()
    file = tmp_path / "rules.yaml"
    query = f"rate({selector.replace('{{ version }}', '42')}[5m])"
    file.write_text(yaml.safe_dump({"groups": [{"name": "x", "rules": [{"alert": "x", "expr": query}]}]}))
    run = subprocess.run([promtool, "check", "rules", file], capture_output=True, text=True, timeout=60, check=False)
    assert passes == (run.returncode == 0), run.stdout + run.stderr


def _check_rules(promtool: Path, rules: Mapping[str, str], folder: Path) -> None:
    files = {folder / f"{number}.yaml": text for number, text in enumerate(rules)}
    for file, text in files.items():
        file.write_text(text, encoding="utf-8")
    run = subprocess.run([promtool, "check", "rules", *files], capture_output=True, text=True, timeout=300, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
