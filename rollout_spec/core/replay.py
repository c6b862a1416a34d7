"""Replayed requests: the logged answer of one version, and the later answer of a model server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rollout_spec.core.divergence import Arm
from rollout_spec.core.inference import Scalar, Tensor

FailureKind = Literal[
    "no-connection",
    "timeout",
    "server-error",
    "refused",
    "redirect",
    "too-large",
    "not-json",
    "wrong-format",
    "other-outputs",
    "other-shape",
    "not-a-number",
]
"""The reason for which a replayed request is not compared. The last three are answers that differ in their form."""

FAILURES: dict[FailureKind, str] = {
    "no-connection": "the connection failed, or ended before the whole answer",
    "timeout": "no whole answer in time",
    "server-error": "the server answered with a status of 500 or more",
    "refused": "the server answered with another status than 200",
    "redirect": "the server redirected the request, and no redirect is followed",
    "too-large": "the answer was larger than the limit",
    "not-json": "the answer was not JSON",
    "wrong-format": "the answer was JSON in another format than that of the protocol, or has the id of another request",
    "other-outputs": "the names or types of the outputs differ from the logged ones",
    "other-shape": "the shape of an output differs from the logged one",
    "not-a-number": "an output has NaN, an infinity or no value where the log has one",
}


@dataclass(frozen=True, slots=True)
class ReplayedAnswer:
    """The answer of a model server, and its time."""

    outputs: tuple[Tensor, ...]
    latency_ms: float


@dataclass(frozen=True, slots=True)
class ReplayFailure:
    """A replayed request without an answer that can be compared, with the reason."""

    kind: FailureKind
    message: str


@dataclass(frozen=True, slots=True)
class ReplayedRequest:
    """A logged request, without its inputs, and the outcome of its replay.

    ``position`` counts the requests of all logs from 0. ``logged`` are the logged outputs.
    """

    arm: Arm
    position: int
    request_id: str
    logged: tuple[Tensor, ...]
    outcome: ReplayedAnswer | ReplayFailure
    logged_ms: float | None = None
    segment: str | None = None
    label: tuple[Scalar, ...] | None = None
    weight: float = 1.0
