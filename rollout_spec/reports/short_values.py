"""Durations, shares and texts in a few letters, for tables."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from rollout_spec.core.text import escape
from rollout_spec.core.units import format_duration, format_share
from rollout_spec.domain.traffic import TrafficSplit

_SECOND = timedelta(seconds=1)


def short_duration(value: timedelta) -> str:
    """Return a duration in its two largest units, rounded down: ``2d3h``, ``15m``."""
    parts = re.findall(r"\d+(?:ms|[dhms])", format_duration(value // _SECOND * _SECOND))
    return "".join(parts[:2])


def cut(text: str, width: int) -> str:
    """Return a printable text of at most ``width`` characters."""
    text = escape(text)
    return text if len(text) <= width else text[: max(width - 1, 0)] + "…"


def split_fields(split: TrafficSplit | None) -> dict[str, Any] | None:
    """Return a traffic split for JSON: the shares of requests by version, the mirror and the match."""
    if split is None:
        return None
    shares = {split.stable: 100 - split.weight}
    if split.candidate is not None:
        shares[split.candidate] = split.weight
    return {
        "shares": {version: format_share(share) for version, share in shares.items()},
        "mirror": format_share(split.mirror) if split.mirror else None,
        "match": {"header": split.match.header, "value": split.match.value} if split.match is not None else None,
    }
