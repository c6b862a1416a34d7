"""The HTTP API of Prometheus: queries, within bounds of time and size.

Start with ``client``. ``answers`` reads the JSON.
"""

from __future__ import annotations

from rollout_spec.integrations.prometheus.client import PrometheusClient, QueryRefusedError

__all__ = ["PrometheusClient", "QueryRefusedError"]
