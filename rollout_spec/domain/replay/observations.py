"""Figures over all replayed requests: failures, times, and the rows that moved most."""

from __future__ import annotations

import heapq
from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count

from rollout_spec.core.divergence import Arm, OutputKind
from rollout_spec.core.replay import FAILURES, FailureKind, ReplayedAnswer, ReplayedRequest, ReplayFailure
from rollout_spec.core.text import one_line
from rollout_spec.domain.replay.pairs import PairRow, number_of, text_of

MOST_MOVED = 20
"""The rows of an output that moved most."""
MOST_DIFFERENCES = 100_000
"""The differences of an output that its histogram counts: the first ones."""
_MOST_EXAMPLES = 3
_LONGEST_VALUE = 200
_LONGEST_ID = 100


@dataclass(frozen=True)
class FailureExample:
    """A replayed request that failed."""

    request_id: str
    message: str


@dataclass
class ArmFigures:
    """Figures of one arm. ``logged_ms`` and ``replayed_ms`` are the times of requests that have both."""

    requests: int = 0
    compared: int = 0
    rows: int = 0
    failures: Counter[FailureKind] = field(default_factory=Counter)
    examples: dict[FailureKind, list[FailureExample]] = field(default_factory=dict)
    logged_ms: array[float] = field(default_factory=lambda: array("d"))
    replayed_ms: array[float] = field(default_factory=lambda: array("d"))

    @property
    def failed(self) -> int:
        """The requests that are not compared."""
        return self.requests - self.compared

    @property
    def by_kind(self) -> list[tuple[FailureKind, int]]:
        """The failures by kind, the most frequent first."""
        return sorted(self.failures.items(), key=lambda each: (-each[1], list(FAILURES).index(each[0])))


@dataclass(frozen=True)
class MovedRow:
    """A row whose answer moved far. ``logged`` and ``replayed`` are short texts."""

    output: str
    kind: OutputKind
    request_id: str
    row: int
    segment: str | None
    logged: str
    replayed: str
    distance: float


class Observations:
    """The figures of a replay, collected request by request."""

    def __init__(self) -> None:
        self.arms: dict[Arm, ArmFigures] = {"failed": ArmFigures(), "floor": ArmFigures()}
        self.differences: dict[tuple[str, Arm], array[float]] = {}
        self._moved: dict[str, list[tuple[float, int, PairRow]]] = {}
        self._order = count()

    def add(self, request: ReplayedRequest, result: Sequence[PairRow] | ReplayFailure) -> None:
        """Count a replayed request, and its rows if it was compared."""
        arm = self.arms[request.arm]
        arm.requests += 1
        if isinstance(result, ReplayFailure):
            arm.failures[result.kind] += 1
            examples = arm.examples.setdefault(result.kind, [])
            if len(examples) < _MOST_EXAMPLES:
                examples.append(FailureExample(one_line(request.request_id, _LONGEST_ID), result.message))
            return
        arm.compared += 1
        arm.rows += len({row.row for row in result})
        if request.logged_ms is not None and isinstance(request.outcome, ReplayedAnswer):
            arm.logged_ms.append(request.logged_ms)
            arm.replayed_ms.append(request.outcome.latency_ms)
        for row in result:
            self._add_row(request.arm, row)

    @property
    def moved(self) -> tuple[MovedRow, ...]:
        """The rows that moved most, by output, the farthest first."""
        rows = (
            row for heap in self._moved.values() for _, _, row in sorted(heap, key=lambda each: (-each[0], -each[1]))
        )
        return tuple(map(_moved_row, rows))

    def _add_row(self, arm: Arm, row: PairRow) -> None:
        if row.kind in ("score", "number"):
            logged, replayed = number_of(row.logged), number_of(row.replayed)
            differences = self.differences.setdefault((row.output, arm), array("d"))
            if logged is not None and replayed is not None and len(differences) < MOST_DIFFERENCES:
                differences.append(replayed - logged)
        distance = row.distance
        if arm == "failed" and distance > 0:
            heap = self._moved.setdefault(row.output, [])
            entry = (distance, -next(self._order), row)
            if len(heap) < MOST_MOVED:
                heapq.heappush(heap, entry)
            elif entry[:2] > heap[0][:2]:
                heapq.heapreplace(heap, entry)


def _moved_row(row: PairRow) -> MovedRow:
    logged, replayed = (one_line(text_of(value) or "", _LONGEST_VALUE) for value in (row.logged, row.replayed))
    request = row.request
    segment = None if request.segment is None else one_line(request.segment, _LONGEST_ID)
    request_id = request.request_id
    return MovedRow(row.output, row.kind, request_id, row.row, segment, logged, replayed, row.distance)
