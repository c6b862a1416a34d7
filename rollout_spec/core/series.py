"""Answers of Prometheus: series with their samples, and the warnings about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Series:
    """Samples with the same labels.

    A sample is a pair of seconds since 1970 and a value, which may be NaN. The samples are ascending.
    """

    labels: Mapping[str, str]
    samples: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Answer:
    """The answer to a query.

    With ``warnings`` it may be partial. ``date`` is the server's clock, if it sent one.
    """

    series: tuple[Series, ...]
    warnings: tuple[str, ...] = ()
    date: datetime | None = None
