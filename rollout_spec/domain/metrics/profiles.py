"""Metric profiles: the names of metrics and version labels on a stack.

The metrics are those of requests, errors and latency.

To add a profile, add an entry to ``PROFILES``. The names are from the exporters' own documentation. ``backend`` is
the name of the version's backend (``fraud-v42-predictor``), ``version`` the version itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from functools import cached_property
from typing import Literal

DEFAULT_PROFILE = "generic"
_PROXY_BUCKETS = "0.5 1 5 10 25 50 100 250 500 1000 2500 5000 10000 30000 60000 300000 600000 1800000 3600000"
_CLIENT_BUCKETS = "0.005 0.01 0.025 0.05 0.1 0.25 0.5 1 2.5 5 10"


@dataclass(frozen=True)
class Profile:
    """The metrics of one stack.

    ``requests`` is a counter and ``latency`` a histogram with ``buckets`` in ``unit``. ``failed`` matches the requests
    that the server failed. ``identity`` maps labels to ``backend``, ``version``, ``rollout`` or ``namespace``; the
    first label identifies the version.
    """

    requests: str
    latency: str
    unit: Literal["ms", "s"]
    buckets: tuple[Decimal, ...]
    failed: str
    identity: Mapping[str, str]
    matchers: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def boundaries(self) -> list[timedelta]:
        """The boundaries of the latency histogram's buckets, ascending."""
        return [timedelta(milliseconds=float(bound * (1 if self.unit == "ms" else 1000))) for bound in self.buckets]


def _buckets(text: str) -> tuple[Decimal, ...]:
    return tuple(map(Decimal, text.split()))


PROFILES: dict[str, Profile] = {
    # https://istio.io/latest/docs/reference/config/metrics/
    "istio": Profile(
        requests="istio_requests_total",
        latency="istio_request_duration_milliseconds",
        unit="ms",
        buckets=_buckets(_PROXY_BUCKETS),
        failed='response_code=~"5.."',
        identity={"destination_workload": "backend", "destination_workload_namespace": "namespace"},
        matchers={"reporter": "destination"},
    ),
    # https://www.envoyproxy.io/docs/envoy/latest/configuration/upstream/cluster_manager/cluster_stats
    "envoy": Profile(
        requests="envoy_cluster_upstream_rq",
        latency="envoy_cluster_upstream_rq_time",
        unit="ms",
        buckets=_buckets(_PROXY_BUCKETS),
        failed='envoy_response_code=~"5.."',
        identity={"envoy_cluster_name": "backend"},
    ),
    # https://kubernetes.github.io/ingress-nginx/user-guide/monitoring/
    "nginx": Profile(
        requests="nginx_ingress_controller_requests",
        latency="nginx_ingress_controller_request_duration_seconds",
        unit="s",
        buckets=_buckets(_CLIENT_BUCKETS),
        failed='status=~"5.."',
        identity={"service": "backend", "exported_namespace": "namespace"},
    ),
    # A server that counts its own requests with a Prometheus client library and its default buckets.
    "generic": Profile(
        requests="http_requests_total",
        latency="http_request_duration_seconds",
        unit="s",
        buckets=_buckets(_CLIENT_BUCKETS),
        failed='code=~"5.."',
        identity={"version": "version", "rollout": "rollout"},
    ),
}
