"""Logged requests of a model: inputs, outputs and the version that answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

Scalar = bool | int | float | str | None
"""One value of a tensor. ``None`` stands for a missing value."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """A named array, as the Open Inference Protocol describes it.

    ``data`` holds the values in row-major order, as many as the product of ``shape``. The first dimension counts the
    rows of a request. ``datatype`` is one of the protocol: ``BOOL``, ``INT64``, ``FP32``, ``FP64`` or ``BYTES``.
    """

    name: str
    datatype: str
    shape: tuple[int, ...]
    data: Sequence[Scalar]


@dataclass(frozen=True, slots=True)
class InferenceRecord:
    """One logged request with its answer.

    ``request_id`` is unique within a log. ``version`` is the version that answered, ``None`` if the log does not name
    it. ``status`` is the HTTP status, ``latency_ms`` the time of the answer in milliseconds. ``segment`` is a group of
    callers. ``label`` is what turned out to be true, one value for each row. ``weight`` is the number of requests that
    this one stands for, more than 1 if the log is a sample.
    """

    request_id: str
    time: datetime | None
    model: str | None
    version: str | None
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    status: int = 200
    latency_ms: float | None = None
    segment: str | None = None
    label: tuple[Scalar, ...] | None = None
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class UnreadableRecord:
    """A record of a log that cannot be read, and the reason. ``line`` counts lines or rows from 1."""

    file: str
    line: int
    reason: str
