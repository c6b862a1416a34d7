"""Rollouts whose values lie at the bounds of what a cluster takes: at one, beyond it, empty, long, in any script.

An ordinary rollout passes. In each one that is drawn, one to three of its values are odd.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from typing import Any

from hypothesis import strategies as st

Path = tuple[str | int, ...]
Odd = Callable[[dict[str, Any], Any], None]

INT32 = 2**31 - 1
WORKSPACE = json.dumps(
    {
        "apiVersion": "rollout-spec/v1",
        "kind": "Workspace",
        "metadata": {"name": "acme"},
        "spec": {"prometheus": {"url": "http://prometheus:9090"}},
    }
)
KSERVE, GATEWAY, PROMETHEUS = ({"type": name} for name in ("kserve", "gateway-api", "prometheus"))
OPERATOR = {
    "type": "prometheus-operator",
    "release": "kube-prometheus-stack",
    "webhook": {"url": "https://rollbacks.example.com/", "bearer": {"name": "token"}},
}


def _record(version: str) -> dict[str, Any]:
    return {
        "artifact": f"s3://models/fraud/{version}/",
        "digest": f"sha256:{version * 32}",
        "format": "sklearn",
        "serve": {"env": {"OMP_NUM_THREADS": "2"}, "resources": {"cpu": "2"}},
    }


def ordinary() -> dict[str, Any]:
    """Return a rollout in which all is well: a mirror, a match and weights, and all shipped targets."""
    live = {"stable": "41", "candidate": "42", "stage": "canary", "knownGood": ["40"]}
    stage = {"name": "canary", "weight": "5%", "mirror": "20%", "match": {"header": "x-arm", "value": "challenger"}}
    triggers = [
        {"name": "errors", "type": "threshold", "metric": "error_rate", "above": "5%", "window": "5m", "for": "2m"},
        {"name": "slow", "type": "latency", "quantile": "99%", "above": "250ms"},
    ]
    return {
        "apiVersion": "rollout-spec/v1",
        "kind": "ModelRollout",
        "metadata": {"name": "fraud", "namespace": "ml", "owner": "team-risk", "description": "Scores payments."},
        "spec": {
            "service": {"host": "fraud.example.com", "port": 80},
            "versions": {version: _record(version) for version in ("40", "41", "42")},
            "live": live,
            "stages": [stage, {"name": "full", "weight": "100%"}],
            "triggers": triggers,
            "rollback": {"runbook": "https://runbooks.example.com/fraud"},
            "targets": [dict(KSERVE), {**GATEWAY, "gateway": {"name": "edge"}}, dict(PROMETHEUS), deepcopy(OPERATOR)],
        },
    }


def put(path: Path) -> Odd:
    """Return what puts a value at a path, and makes the mappings on the way."""

    def change(rollout: dict[str, Any], value: Any) -> None:
        here: Any = rollout
        for key in path[:-1]:
            here = here.setdefault(key, {}) if isinstance(here, dict) else here[key]
        here[path[-1]] = value

    return change


def rename(old: str) -> Odd:
    """Return what calls a version by another name."""

    def change(rollout: dict[str, Any], value: Any) -> None:
        spec = rollout["spec"]
        if old in spec["versions"]:
            spec["versions"] = {value if name == old else name: record for name, record in spec["versions"].items()}
            live = {key: value if name == old else name for key, name in spec["live"].items()}
            spec["live"] = live | {"knownGood": [value if name == old else name for name in live["knownGood"]]}

    return change


def targets(rollout: dict[str, Any], value: Sequence[str]) -> None:
    """Leave targets out."""
    rollout["spec"]["targets"] = [each for each in rollout["spec"]["targets"] if each["type"] in value]


def option(target: str, *path: str | int) -> Odd:
    """Return what sets an option of a target, if the rollout has it."""

    def change(rollout: dict[str, Any], value: Any) -> None:
        for each in rollout["spec"]["targets"]:
            if each["type"] == target:
                put(path)(each, value)

    return change


def around(most: int, make: Callable[[int], str]) -> st.SearchStrategy[str]:
    """Draw texts of a length around a bound."""
    return st.integers(most - 2, most + 2).map(make)


def _runs(text: str) -> Callable[[int], str]:
    return lambda count: (text * count)[:count]


ANY = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
LABEL = st.one_of(
    st.sampled_from(["ml", "7ml", "m", "7", "", "-ml", "ml-", "Ml", "m_l", "m.l", "m--l", "é", " ml", "ml\n"]),
    around(63, _runs("n")),
    ANY,
)
SUBDOMAIN = st.one_of(
    LABEL, around(253, _runs("n")), around(253, _runs("edge.")), st.sampled_from(["a.b", "a..b", ".a", "a.", "a/b"])
)
HOST = st.one_of(
    st.sampled_from(["localhost", "*.example.com", "*", "a.*.b", "10.0.0.1", "::1", "a..b", "a.b.", "EXAMPLE.com"]),
    around(63, lambda count: "h" * count + ".example.com"),
    around(253, lambda count: ("h" * 62 + ".") * 3 + "h" * (count - 189)),
    around(253, lambda count: "*." + "h." * ((count - 2) // 2) + "h" * (1 + count % 2)),
    ANY,
)
COUNT = st.one_of(st.sampled_from([-1, 0, 1, 2, 3, INT32 - 1, INT32, INT32 + 1, 2**63, True, "1", 1.5]), st.integers())
PORT = st.one_of(st.sampled_from([-1, 0, 1, 80, 65534, 65535, 65536, 70000]), st.integers(-5, 70000))
SHARE = st.sampled_from(
    ["0%", "0.0001%", "0.00001%", "0.5%", "33.3333%", "50%", "99.9999%", "100%", "100.0001%", "5", "1e2%"]
)
DURATION = st.sampled_from(
    ["0s", "1ms", "1s", "1500ms", "5m", "90m", "1h30m", "1d", "7d", "106751d", "106752d", "1w", "1y", "5", "", "-5m"]
)
QUANTITY = st.sampled_from(
    [
        *("0", "0.0", "01", "1", "1.0", "1.5", "1.50", "2", "500m", "1000m", "00000m", "0.001", "1.000000001", "4Gi"),
        *("1k", "1K", "1n", "999999999999999999E", "1e3", "1e", "-1", ""),
    ]
)
VERSION = st.one_of(
    st.sampled_from(["1.10", "2026.11", "V1_rc+2", "-1", "1-", "+1", "1.", "é", "", "1 0", "x--y"]),
    st.integers(28, 64).map(lambda count: "1" * count),
    around(128, _runs("v")),
)
NAME = st.one_of(
    st.sampled_from(["7fraud", "f", "7", "f--7", "fraud-", "-f", "Fraud", "f.x", "", "é"]),
    st.integers(28, 65).map(lambda count: "f" * count),
)
BACKEND = st.one_of(
    SUBDOMAIN,
    around(63, lambda count: "b" * (count - 6) + "{version}"[: 9 if count else 0]),
    st.sampled_from(["{rollout}-{version}", "{rollout}_{version}", "{version}", "{other}", "{", "{rollout}.ml.svc"]),
    st.sampled_from(["b" * 300, "{rollout}" * 20]),
)
HEADER = st.one_of(
    st.sampled_from(["x-arm", "X_Arm.1", "!#$%&'*+.^_`|~-", "x arm", "x:arm", "", "é"]), around(256, _runs("x"))
)
VALUE = st.one_of(ANY, around(4096, _runs("v")), around(4096, _runs("é")), around(4096, _runs("🦊")), st.just(" " * 9))
WORDS = st.one_of(
    ANY, st.sampled_from(["{{ .Values.x }}", "$(HOME)", "%{x}", "x" * 5000, "yes", "1.10", "null", "# x"])
)
ENV = st.one_of(
    st.sampled_from(["PYTHONPATH", "_", "A", "a1", "1A", "A-B", "A.B", "", "É", "A B", "PIPELINE_PARALLEL_SIZE"]),
    around(255, _runs("A")),
)
URL = st.one_of(st.sampled_from(["http://x", "https://é.example/ü?a=b#c", "https://a/{{x}}", "ftp://x", ""]), ANY)
ADDRESS = st.sampled_from(
    ["https://a", "http://a.ml.svc:8080/x", "http://a.ml.svc", "http://example.com", "https://u:p@a", "https://a/?x=1"]
)
URI = st.one_of(
    WORDS, st.sampled_from(["models:/fraud/42", "hf://org/model@0123", "pvc://x/y", "s3://a b/c", "/mnt/é"])
)

RECORD: Path = ("spec", "versions", "42")
ODD: Mapping[str, tuple[Odd, st.SearchStrategy[Any]]] = {
    "name": (put(("metadata", "name")), NAME),
    "namespace": (put(("metadata", "namespace")), st.one_of(st.none(), LABEL)),
    "owner": (put(("metadata", "owner")), WORDS),
    "description": (put(("metadata", "description")), WORDS),
    "labels": (put(("metadata", "labels")), st.dictionaries(WORDS, WORDS, max_size=2)),
    "stable": (rename("41"), VERSION),
    "candidate": (rename("42"), VERSION),
    "known good": (rename("40"), VERSION),
    "host": (put(("spec", "service", "host")), HOST),
    "port": (put(("spec", "service", "port")), PORT),
    "profile": (put(("spec", "service", "metrics")), st.sampled_from(["istio", "envoy", "nginx", "generic", "x"])),
    "header": (put(("spec", "stages", 0, "match", "header")), HEADER),
    "value": (put(("spec", "stages", 0, "match", "value")), VALUE),
    "weight": (put(("spec", "stages", 0, "weight")), SHARE),
    "mirror": (put(("spec", "stages", 0, "mirror")), SHARE),
    "stage": (put(("spec", "live", "stage")), st.sampled_from([None, "full", "canary"])),
    "targets": (targets, st.sampled_from([["gateway-api"], ["gateway-api", "prometheus"], ["kserve", "gateway-api"]])),
    "artifact": (put((*RECORD, "artifact")), URI),
    "format": (put((*RECORD, "format")), LABEL),
    "runtime": (put((*RECORD, "serve", "runtime")), SUBDOMAIN),
    "image": (put((*RECORD, "serve", "image")), st.one_of(WORDS, st.sampled_from([" img", "img ", "img@sha256:1"]))),
    "cpu": (put((*RECORD, "serve", "resources", "cpu")), QUANTITY),
    "memory": (put((*RECORD, "serve", "resources", "memory")), QUANTITY),
    "gpu": (put((*RECORD, "serve", "resources", "gpu")), QUANTITY),
    "environment": (put((*RECORD, "serve", "env")), st.dictionaries(ENV, WORDS, max_size=2)),
    "minReplicas": (option("kserve", "minReplicas"), COUNT),
    "maxReplicas": (option("kserve", "maxReplicas"), COUNT),
    "standby": (option("kserve", "standby"), COUNT),
    "servingRuntime": (option("kserve", "servingRuntime"), SUBDOMAIN),
    "serviceAccountName": (option("kserve", "serviceAccountName"), SUBDOMAIN),
    "protocolVersion": (option("kserve", "protocolVersion"), st.sampled_from(["v1", "v2", "grpc-v2", "v3", ""])),
    "deploymentMode": (option("kserve", "deploymentMode"), st.sampled_from(["Standard", "Knative", "Serverless"])),
    "gateway": (option("gateway-api", "gateway", "name"), SUBDOMAIN),
    "gateway's namespace": (option("gateway-api", "gateway", "namespace"), LABEL),
    "section": (option("gateway-api", "gateway", "sectionName"), SUBDOMAIN),
    "backend": (option("gateway-api", "backend"), st.fixed_dictionaries({"name": BACKEND}, optional={"port": PORT})),
    "interval": (option("prometheus", "interval"), DURATION),
    "minimumRequests": (option("prometheus", "minimumRequests"), COUNT),
    "watched": (option("prometheus", "backend"), st.fixed_dictionaries({"name": BACKEND})),
    "operator's interval": (option("prometheus-operator", "interval"), DURATION),
    "release": (option("prometheus-operator", "release"), LABEL),
    "address": (option("prometheus-operator", "webhook", "url"), st.one_of(URL, ADDRESS)),
    "secret": (option("prometheus-operator", "webhook", "bearer", "name"), SUBDOMAIN),
    "key": (option("prometheus-operator", "webhook", "bearer", "key"), LABEL),
    "window": (put(("spec", "triggers", 0, "window")), DURATION),
    "for": (put(("spec", "triggers", 1, "for")), DURATION),
    "bound": (put(("spec", "triggers", 0, "above")), SHARE),
    "quantile": (put(("spec", "triggers", 1, "quantile")), SHARE),
    "latency": (put(("spec", "triggers", 1, "above")), DURATION),
    "trigger": (put(("spec", "triggers", 0, "name")), LABEL),
    "runbook": (put(("spec", "rollback", "runbook")), URL),
}
"""What may be odd, by a name for it."""


def odd(*changes: tuple[str, Any]) -> dict[str, Any]:
    """Return an ordinary rollout with these values in it."""
    rollout = ordinary()
    for name, value in changes:
        ODD[name][0](rollout, value)
    return rollout


@st.composite
def rollouts(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a rollout of which one to three values are odd."""
    names = draw(st.lists(st.sampled_from(sorted(ODD)), min_size=1, max_size=3, unique=True))
    return odd(*((name, draw(ODD[name][1])) for name in names))
