"""A real Envoy that follows a route configuration in a folder, and backends that count their requests."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from real_servers import free_port

HOST = "fraud.example.com"
Json = dict[str, Any]


class Backend:
    """A server of one version, on loopback. ``hosts`` counts its requests by their host."""

    def __init__(self, name: str, server: ThreadingHTTPServer, hosts: Counter[str]) -> None:
        self.name, self.port, self.hosts = name, server.server_address[1], hosts

    @property
    def mirrored(self) -> int:
        """The requests that were copies: Envoy marks their host."""
        return sum(count for host, count in self.hosts.items() if "-shadow" in host)


@contextmanager
def backend_running(name: str) -> Iterator[Backend]:
    """Start a backend that answers with its name."""
    hosts: Counter[str] = Counter()
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 4096  # one packet for each answer: a second one waits 40 ms for the receipt of the first

        def do_GET(self) -> None:
            with lock:
                hosts[self.headers["Host"]] += 1
            body = name.encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Backend(name, server, hosts)
        server.shutdown()


def bootstrap(ports: Sequence[int], routes: Json, clusters: Mapping[str, int]) -> Json:
    """Return a configuration of Envoy: ports of admin and listener, the source of its routes, clusters by port."""
    filters_of_envoy = "type.googleapis.com/envoy.extensions.filters"
    http = {
        "@type": f"{filters_of_envoy}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "fraud",
        **routes,
        "http_filters": [
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": f"{filters_of_envoy}.http.router.v3.Router"},
            }
        ],
    }
    filters = [{"name": "envoy.filters.network.http_connection_manager", "typed_config": http}]
    listener = {"name": "fraud", "address": _address(ports[1]), "filter_chains": [{"filters": filters}]}
    return {
        "node": {"id": "edge", "cluster": "edge"},
        "admin": {"address": _address(ports[0])},
        "static_resources": {
            "listeners": [listener],
            "clusters": [_cluster(name, port) for name, port in clusters.items()],
        },
    }


def _address(port: int) -> Json:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def _cluster(name: str, port: int) -> Json:
    endpoints = [{"endpoint": {"address": _address(port)}}]
    return {
        "name": name,
        "type": "STATIC",
        "connect_timeout": "1s",
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": endpoints}]},
    }


class Edge:
    """A running Envoy."""

    def __init__(self, ports: Sequence[int]) -> None:
        self.admin, self.listener = ports

    def get(self, headers: Mapping[str, str] | None = None) -> tuple[int, str]:
        """Return the status and the text of one request, over a connection of its own."""
        with closing(HTTPConnection("127.0.0.1", self.listener, timeout=10)) as connection:
            return self._asked(connection, "/", {"Host": HOST, **(headers or {})})

    def answers(self, count: int, headers: Mapping[str, str] | None = None) -> Counter[str]:
        """Return the texts of requests, over one connection, by their number. Each one has to be answered."""
        texts: Counter[str] = Counter()
        with closing(HTTPConnection("127.0.0.1", self.listener, timeout=10)) as connection:
            for _ in range(count):
                status, text = self._asked(connection, "/", {"Host": HOST, **(headers or {})})
                assert status == 200, text
                texts[text] += 1
        return texts

    def routes_version(self) -> str | None:
        """Return the `version_info` of the route configuration that is in use."""
        with closing(HTTPConnection("127.0.0.1", self.admin, timeout=10)) as connection:
            _, text = self._asked(connection, "/config_dump?resource=dynamic_route_configs", {})
        configs = json.loads(text).get("configs", [])
        return str(configs[0]["version_info"]) if configs else None

    def is_ready(self) -> bool:
        with suppress(OSError, HTTPException), closing(HTTPConnection("127.0.0.1", self.admin)) as connection:
            return self._asked(connection, "/ready", {})[0] == 200
        return False

    @staticmethod
    def _asked(connection: HTTPConnection, path: str, headers: Mapping[str, str]) -> tuple[int, str]:
        connection.request("GET", path, headers=dict(headers))
        response = connection.getresponse()
        return response.status, response.read().decode()


@contextmanager
def envoy_running(program: Path, folder: Path, routes: Json, clusters: Mapping[str, int]) -> Iterator[Edge]:
    """Start Envoy with a source of routes, and end it."""
    with ExitStack() as stack:
        ports = [free_port() for _ in range(2)]
        config = folder / "envoy.json"
        config.write_text(json.dumps(bootstrap(ports, routes, clusters)), encoding="utf-8")
        log = stack.enter_context((folder / "envoy.log").open("wb"))
        command = [str(program), "-c", str(config), "--concurrency", "1", "--disable-hot-restart", "-l", "warning"]
        process = stack.enter_context(subprocess.Popen(command, stdout=log, stderr=log))
        stack.callback(process.kill)
        edge = Edge(ports)
        end = time.monotonic() + 30
        while not edge.is_ready():
            if process.poll() is not None or time.monotonic() > end:
                pytest.fail(f"Envoy does not start:\n{(folder / 'envoy.log').read_text(errors='replace')[-2000:]}")
            time.sleep(0.05)
        yield edge
