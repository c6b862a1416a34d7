"""Headers that sign a post, in each style of signature."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Callable

KEY = "a-key-that-signs-requests"


def _digest(key: bytes, text: bytes) -> bytes:
    return hmac.new(key, text, hashlib.sha256).digest()


def github(body: bytes, key: str = KEY, moment: float | None = None) -> dict[str, str]:
    return {"X-Hub-Signature-256": f"sha256={_digest(key.encode(), body).hex()}"}


def pagerduty(body: bytes, key: str = KEY, moment: float | None = None) -> dict[str, str]:
    return {"X-PagerDuty-Signature": f"v1={'0' * 64},v1={_digest(key.encode(), body).hex()}"}


def grafana(body: bytes, key: str = KEY, moment: float | None = None) -> dict[str, str]:
    stamp = str(int(moment if moment is not None else time.time()))
    signature = _digest(key.encode(), stamp.encode() + b":" + body).hex()
    return {"X-Grafana-Alerting-Signature": signature, "X-Grafana-Alerting-Timestamp": stamp}


def standard_webhooks(body: bytes, key: str = KEY, moment: float | None = None) -> dict[str, str]:
    """Sign with the bytes of a key; the settings hold it as base64 with ``whsec_``."""
    stamp = str(int(moment if moment is not None else time.time()))
    signature = base64.b64encode(_digest(key.encode(), f"msg_1.{stamp}.".encode() + body)).decode()
    return {"webhook-id": "msg_1", "webhook-timestamp": stamp, "webhook-signature": f"v1,{signature}"}


STYLES: dict[str, Callable[..., dict[str, str]]] = {
    "github": github,
    "pagerduty": pagerduty,
    "grafana": grafana,
    "standard-webhooks": standard_webhooks,
}
TIMED = ("grafana", "standard-webhooks")
"""The styles that sign the time."""


def key_of(style: str, key: str = KEY) -> str:
    """Return a key as the settings hold it."""
    return f"whsec_{base64.b64encode(key.encode()).decode()}" if style == "standard-webhooks" else key
