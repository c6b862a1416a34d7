"""Others judge what we render: an API server that holds the real custom resource definitions, and promtool."""

from __future__ import annotations

import json
import os
import shutil
import socket
import ssl
import subprocess
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPSConnection
from pathlib import Path
from signal import SIGKILL
from typing import Any

import folders
import pytest

CHECKOUT = folders.CHECKOUT

CRDS = {
    "AlertmanagerConfig.monitoring.coreos.com": "prometheus-operator/monitoring.coreos.com_alertmanagerconfigs.yaml",
    "AnalysisTemplate.argoproj.io": "argo-rollouts/analysis-template-crd.yaml",
    "Canary.flagger.app": "flagger/flagger.app_canary.yaml",
    "DestinationRule.networking.istio.io": "istio/networking.istio.io_destinationrule.yaml",
    "Experiment.mlops.seldon.io": "seldon/mlops.seldon.io_experiments.yaml",
    "HTTPRoute.gateway.networking.k8s.io": "gateway-api/standard/gateway.networking.k8s.io_httproutes.yaml",
    "InferencePool.inference.networking.k8s.io": (
        "gateway-api-inference-extension/inference.networking.k8s.io_inferencepools.yaml"
    ),
    "InferenceService.serving.kserve.io": "kserve/serving.kserve.io_inferenceservices.yaml",
    "LLMInferenceService.serving.kserve.io": "kserve/serving.kserve.io_llminferenceservices.yaml",
    "MetricTemplate.flagger.app": "flagger/flagger.app_metrictemplate.yaml",
    "Model.mlops.seldon.io": "seldon/mlops.seldon.io_models.yaml",
    "PrometheusRule.monitoring.coreos.com": "prometheus-operator/monitoring.coreos.com_prometheusrules.yaml",
    "Rollout.argoproj.io": "argo-rollouts/rollout-crd.yaml",
    "VirtualService.networking.istio.io": "istio/networking.istio.io_virtualservice.yaml",
}
"""Where the definition of a kind lies below ``crds/``. It is loaded when the first manifest of that kind comes."""


def require(condition: object, why: str) -> None:
    """Skip a test that lacks what it needs, or fail it where ROLLOUT_SPEC_REQUIRE_REAL=1 says that nothing may lack."""
    if condition:
        return
    if os.environ.get("ROLLOUT_SPEC_REQUIRE_REAL") == "1":
        pytest.fail(why, pytrace=False)
    pytest.skip(why)


def program(name: str) -> Path:
    """Return where a program is installed: beside this Python, on the PATH, or where Debian keeps it out of that."""
    places = (sysconfig.get_path("scripts"), os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin")
    found = shutil.which(name, path=os.pathsep.join(places))
    require(found, f"{name} is not installed")
    return Path(found or name)


def npm_package(name: str) -> Path:
    """Return the folder of a package of ``tests/package.json``, as npm has put it beside that file."""
    place = Path(os.environ.get("ROLLOUT_SPEC_NODE_MODULES") or CHECKOUT / "tests" / "node_modules") / name
    require(place.is_dir(), f"the npm package {name} is not installed: make node")
    return place


def folder() -> Path:
    """Return the folder of the oracles, which holds ``crds/`` and ``tools/``."""
    value = os.environ.get("ROLLOUT_SPEC_ORACLES", "")
    require(value, "ROLLOUT_SPEC_ORACLES is not set")
    place = (CHECKOUT / value).resolve()
    require((place / "crds").is_dir(), f"ROLLOUT_SPEC_ORACLES: there are no crds in {place}")
    return place


@dataclass(frozen=True)
class Resource:
    """What a definition says of the address of its objects."""

    plural: str
    namespaced: bool


class CrdServer:
    """A Kubernetes API server of custom resources, on loopback."""

    def __init__(self, port: int, crds: Path) -> None:
        self._port = port
        self._crds = crds
        self._resources: dict[str, Resource] = {}
        self._tls = ssl.create_default_context()
        self._tls.check_hostname = False
        self._tls.verify_mode = ssl.CERT_NONE

    def dry_run(self, manifest: Mapping[str, Any]) -> tuple[int, str]:
        """Return the server's status for a manifest and its words: 201, or 400 (unknown field), or 422 (not valid)."""
        group, _, version = manifest["apiVersion"].rpartition("/")
        resource = self._resource(f"{manifest['kind']}.{group}")
        namespace = manifest["metadata"].get("namespace", "default")
        within = f"namespaces/{namespace}/" if resource.namespaced else ""
        status, answer = self.ask(
            "POST",
            f"/apis/{group}/{version}/{within}{resource.plural}?dryRun=All&fieldValidation=Strict",
            json.dumps(manifest).encode(),
        )
        return status, "" if status == 201 else answer.get("message", "")

    def ask(self, method: str, path: str, body: bytes | None = None, kind: str = "json") -> tuple[int, dict[str, Any]]:
        """Return the status and the JSON of one request; an answer that is no JSON object is put under ``message``."""
        with closing(HTTPSConnection("127.0.0.1", self._port, timeout=60, context=self._tls)) as connection:
            connection.request(method, path, body, {"Content-Type": f"application/{kind}"})
            response = connection.getresponse()
            text = response.read().decode()
        with suppress(ValueError):
            answer = json.loads(text)
            if isinstance(answer, dict):
                return response.status, answer
        return response.status, {"message": text}

    def _resource(self, name: str) -> Resource:
        if name not in self._resources:
            if name not in CRDS:
                pytest.fail(f"tests/support/real_servers.py does not say which file defines {name}")
            self._resources[name] = self._load(self._crds / CRDS[name])
        return self._resources[name]

    def _load(self, file: Path) -> Resource:
        status, crd = self.ask(
            "POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", file.read_bytes(), "yaml"
        )
        assert status == 201, f"{file.name}: {status} {crd.get('message')}"
        spec = crd["spec"]
        served = next(version["name"] for version in spec["versions"] if version["served"])
        objects = f"/apis/{spec['group']}/{served}/{spec['names']['plural']}"
        # The address of the objects answers once the definition is established.
        _wait(lambda: self.ask("GET", objects)[0] == 200, f"{file.name} is not established")
        return Resource(spec["names"]["plural"], spec["scope"] == "Namespaced")


# The server runs on a leash: when the pipe to it closes, because we close it or because we die, the server is told to
# end, and ends its etcd. When the server ends by itself, so does the leash.
_LEASH = """
exec 3<&0
"$@" 3<&- & server=$!
{ read -r _ <&3; kill -TERM $server; } & reader=$!
wait $server
kill $reader
wait
"""


@contextmanager
def crd_server_running() -> Iterator[CrdServer]:
    """Start the server in a throw-away folder, and end it with all that it started."""
    oracles = folder()
    for needed in ("bash", "etcd", "xz"):
        program(needed)
    with ExitStack() as stack:
        for attempt in range(3):
            port, etcd_port = _free_ports()
            place = Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
            command = [str(oracles / "tools" / "crd-server"), str(place), str(port), str(etcd_port)]
            leash = stack.enter_context(_leashed(command))
            server = CrdServer(port, oracles / "crds")
            if _ready(server, leash):
                yield server
                return
            logs = "\n".join(log.read_text(errors="replace")[-1500:] for log in sorted(place.glob("*.log")))
            if attempt == 2:
                pytest.fail(f"the CRD server does not start:\n{logs}", pytrace=False)


@contextmanager
def _leashed(command: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    quiet = subprocess.DEVNULL
    with subprocess.Popen(
        ["sh", "-c", _LEASH, "leash", *command],
        stdin=subprocess.PIPE,
        stdout=quiet,
        stderr=quiet,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            assert process.stdin
            process.stdin.close()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, SIGKILL)


def _ready(server: CrdServer, process: subprocess.Popen[bytes]) -> bool:
    """Return whether the server answers, False once its process ended: another one may have taken its port."""

    def answers() -> bool:
        with suppress(OSError):
            return server.ask("GET", "/readyz?exclude=informer-sync")[0] == 200
        return process.poll() is not None

    _wait(answers, "the CRD server does not answer")
    return process.poll() is None


def _wait(holds: Callable[[], bool], otherwise: str, seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            pytest.fail(f"{otherwise} after {seconds:.0f} s", pytrace=False)
        time.sleep(0.05)


def free_port() -> int:
    """Return a port that nothing listens on."""
    with _bound(0) as held:
        port: int = held.getsockname()[1]
        return port


def _free_ports() -> tuple[int, int]:
    """Return a free port, and another one that is free with the one after it: etcd takes two."""
    while True:
        with ExitStack() as held:
            port, etcd_port = (held.enter_context(_bound(0)).getsockname()[1] for _ in range(2))
            with suppress(OSError, OverflowError):
                held.enter_context(_bound(etcd_port + 1))
                return port, etcd_port


def _bound(port: int) -> socket.socket:
    bound = socket.socket()
    try:
        bound.bind(("127.0.0.1", port))
    except (OSError, OverflowError):
        bound.close()
        raise
    return bound
