"""A real Prometheus, with samples of the past or with targets that it scrapes each second."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from real_servers import free_port, program
from stack.programs import answers, running

PREFIX = "/prom"

Samples = Iterable[tuple[float, float]]


@dataclass
class Past:
    """Samples of the past, as OpenMetrics."""

    series: dict[str, dict[str, list[tuple[float, float]]]] = field(default_factory=dict)

    def add(self, name: str, labels: Mapping[str, str], samples: Samples) -> None:
        text = ",".join(f'{label}="{value}"' for label, value in labels.items())
        self.series.setdefault(name, {})[text] = list(samples)

    def write(self, folder: Path) -> None:
        """Write blocks of a database into a folder."""
        lines = [
            f"{name}{{{labels}}} {value:g} {time:.3f}"
            for name, each in self.series.items()
            for labels, samples in each.items()
            for time, value in samples
        ]
        file = folder.parent / "past.txt"
        file.write_text("\n".join([*lines, "# EOF", ""]), "utf-8")
        command: list[str | Path] = [program("promtool"), "tsdb", "create-blocks-from", "openmetrics", file, folder]
        subprocess.run(command, check=True, capture_output=True, timeout=120)


@contextmanager
def prometheus_running(
    folder: Path, past: Past | None = None, targets: Sequence[Mapping[str, object]] = (), options: Sequence[str] = ()
) -> Iterator[str]:
    """Start Prometheus below a path, and return its address."""
    binary, port = program("prometheus"), free_port()
    data, config = folder / "data", folder / "prometheus.yml"
    data.mkdir()
    if past is not None:
        past.write(data)
    settings = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
        "scrape_configs": [{"job_name": "pods", "honor_timestamps": False, "static_configs": list(targets)}],
    }
    config.write_text(json.dumps(settings), "utf-8")
    command = [binary, f"--config.file={config}", f"--storage.tsdb.path={data}", "--storage.tsdb.retention.time=10y"]
    command += [f"--web.listen-address=127.0.0.1:{port}", f"--web.route-prefix={PREFIX}", *options]
    address = f"http://127.0.0.1:{port}{PREFIX}"
    with running("Prometheus", command, folder / "prometheus.log", lambda: answers(f"{address}/-/ready")):
        yield address


class Pods:
    """Replicas that Prometheus scrapes: the text of each is at ``/NAME``. One without a text is down."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}

    def __enter__(self) -> Pods:
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                text = owner.texts.get(self.path.removeprefix("/"))
                self.send_response(404 if text is None else 200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.end_headers()
                self.wfile.write((text or "").encode())

            def log_message(self, *_: object) -> None:
                return None

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def target(self, name: str) -> dict[str, object]:
        """Return the target of a replica for the configuration of Prometheus."""
        address = f"127.0.0.1:{self._server.server_address[1]}"
        return {"targets": [address], "labels": {"__metrics_path__": f"/{name}", "pod": name}}
