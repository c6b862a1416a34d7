"""Breaches as JSON, for the inbox."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from rollout_spec.core.breach import Breach, Evidence


def to_json(breach: Breach) -> str:
    """Return a breach as one line of JSON. ``also`` is left out: each breach has a row of its own."""
    data = {
        **{name: getattr(breach, name) for name in _TEXTS},
        "observedAt": breach.observed_at.isoformat(),
        "endedAt": breach.ended_at.isoformat() if breach.ended_at else None,
        "summary": breach.evidence.summary,
        "value": str(breach.evidence.value) if breach.evidence.value is not None else None,
        "url": breach.evidence.url,
    }
    return json.dumps(data)


_TEXTS = ("id", "source", "rollout", "version", "trigger", "workspace", "about")


def from_json(text: str) -> Breach:
    """Return the breach of ``to_json``."""
    data: dict[str, Any] = json.loads(text)
    return Breach(
        **{name: data[name] for name in _TEXTS},
        observed_at=_time(data["observedAt"]),
        ended_at=_time(data["endedAt"]) if data["endedAt"] else None,
        evidence=Evidence(data["summary"], Decimal(data["value"]) if data["value"] is not None else None, data["url"]),
    )


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
