"""Prometheus with the rendered rules, and Alertmanager, which posts to the rollback service."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import requests
import yaml
from prometheus_objects import alertmanager_of, objects_of
from real_servers import free_port, program
from served import TOKEN

from stack.programs import answers, running
from stack.workspace import SERVICE

ENVOY = "/stats/prometheus"
"""The path of Envoy's metrics."""


@contextmanager
def alertmanager_running(folder: Path, service: str, manifest: str) -> Iterator[str]:
    """Start Alertmanager with the rendered route to the service, and return its address.

    Only the host of the service differs: its name in the cluster has no address here.
    """
    binary, port = program("prometheus-alertmanager"), free_port()
    address = f"http://127.0.0.1:{port}"
    config = folder / "alertmanager.yml"
    settings = yaml.safe_dump(alertmanager_of(objects_of(manifest)["AlertmanagerConfig"], folder, TOKEN))
    assert f"url: {SERVICE}/" in settings
    config.write_text(settings.replace(f"url: {SERVICE}/", f"url: {service}/"), "utf-8")
    command = [binary, f"--config.file={config}", f"--storage.path={folder / 'alertmanager'}"]
    command += [f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address="]
    with running("Alertmanager", command, folder / "alertmanager.log", lambda: answers(f"{address}/-/ready")):
        yield address


class Prometheus:
    """A running Prometheus."""

    def __init__(self, address: str) -> None:
        self.address = address

    def reload(self) -> None:
        """Read the configuration and the rules again."""
        answer = requests.post(f"{self.address}/-/reload", timeout=30)
        assert answer.ok, answer.text

    def firing(self) -> list[str]:
        """Return the names of the alerts that fire."""
        answer = requests.get(f"{self.address}/api/v1/alerts", timeout=30).json()
        return [each["labels"]["alertname"] for each in answer["data"]["alerts"] if each["state"] == "firing"]


@contextmanager
def prometheus_running(
    folder: Path, rules: Path, targets: Mapping[str, int], *, alertmanager: str | None = None, port: int | None = None
) -> Iterator[Prometheus]:
    """Start Prometheus: it scrapes the ports of paths each second, and follows the files of rules.

    It goes on with the samples of an earlier one in the same folder.
    """
    binary, port = program("prometheus"), port or free_port()
    address, config = f"http://127.0.0.1:{port}", folder / "prometheus.yml"
    alertmanagers = [{"static_configs": [{"targets": [alertmanager.removeprefix("http://")]}]}] if alertmanager else []
    settings = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(rules / "*.yaml")],
        "alerting": {"alertmanagers": alertmanagers},
        "scrape_configs": [_scraped(path, target) for path, target in targets.items()],
    }
    config.write_text(json.dumps(settings), "utf-8")
    command = [binary, f"--config.file={config}", f"--storage.tsdb.path={folder / 'prometheus'}"]
    command += [f"--web.listen-address=127.0.0.1:{port}", f"--web.external-url={address}", "--web.enable-lifecycle"]
    with running("Prometheus", command, folder / "prometheus.log", lambda: answers(f"{address}/-/ready")):
        yield Prometheus(address)


def _scraped(path: str, port: int) -> dict[str, object]:
    return {"job_name": f"port-{port}", "metrics_path": path, "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}
