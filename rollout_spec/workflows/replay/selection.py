"""The logged requests that are replayed, each with its arm and its position in the logs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rollout_spec.core.divergence import Arm
from rollout_spec.core.inference import InferenceRecord, UnreadableRecord
from rollout_spec.domain.replay.report import LogFigures
from rollout_spec.integrations.inference_logs import LogOptions, read_log
from rollout_spec.integrations.replay_journal import ReplayJournal

_OK = 200


@dataclass(frozen=True)
class Logs:
    """The addresses of the logs, and how they are read. ``format`` is None if the first record decides it."""

    addresses: tuple[str, ...]
    format: str | None = None
    options: LogOptions | None = None

    def records(self) -> Iterator[InferenceRecord | UnreadableRecord]:
        """Yield the records of all logs."""
        for address in self.addresses:
            yield from read_log(address, self.format, self.options)


@dataclass(frozen=True, slots=True)
class Job:
    """A logged request that is to be replayed."""

    arm: Arm
    position: int
    record: InferenceRecord


class Selection:
    """The requests of some logs that were not replayed yet. ``figures`` count all records that were read."""

    def __init__(self, logs: Logs, failed: str, restored: str, limit: int, journal: ReplayJournal) -> None:
        self._logs, self._limit, self._journal = logs, limit, journal
        self._arms: dict[str, Arm] = {failed: "failed", restored: "floor"}
        self._chosen: Counter[Arm] = Counter()
        self._waiting: dict[tuple[Arm, str], int] = {}
        self.figures = LogFigures()
        self.kept = 0

    def jobs(self) -> Iterator[Job]:
        """Yield the requests, in the order of the logs, up to the limit of each version."""
        for position, record in enumerate(self._logs.records()):
            if isinstance(record, UnreadableRecord):
                self.figures.add_unreadable(record)
                continue
            self.figures.records += 1
            arm = self._arm(record)
            if arm is not None and self._is_new(arm, record, position):
                yield Job(arm, position, record)
            if len(self._chosen) == len(self._arms) and min(self._chosen.values()) >= self._limit:
                return

    def done(self, arm: Arm, request_id: str) -> None:
        """Forget a request that is in the journal now."""
        self._waiting.pop((arm, request_id), None)

    def _arm(self, record: InferenceRecord) -> Arm | None:
        """Return the arm of a record, or count the reason for which it has none."""
        arm, figures = self._arms.get(record.version or ""), self.figures
        if record.version is None:
            figures.without_version += 1
        elif arm is None:
            figures.other_version += 1
        elif record.status != _OK:
            figures.other_status += 1
        elif not record.outputs or not record.inputs:
            figures.without_outputs += 1
        elif self._chosen[arm] >= self._limit:
            figures.beyond_limit += 1
        else:
            return arm
        return None

    def _is_new(self, arm: Arm, record: InferenceRecord, position: int) -> bool:
        """Return whether a request has to be replayed. Count it, or the earlier one with its id."""
        key = (arm, record.request_id)
        known = self._waiting.get(key)
        if known is None:
            known = self._journal.position_of(arm, record.request_id)
        if known is not None and known != position:
            self.figures.repeated += 1
            return False
        self._chosen[arm] += 1
        self.figures.replayed += 1
        self.figures.add_model(record)
        if known is not None:
            self.kept += 1
            return False
        self._waiting[key] = position
        return True


def inputs_of(logs: Logs, request_ids: Sequence[str]) -> dict[str, InferenceRecord]:
    """Return the records with some ids, from the logs."""
    missing, found = set(request_ids), dict[str, InferenceRecord]()
    for record in logs.records() if missing else ():
        if isinstance(record, InferenceRecord) and record.request_id in missing:
            found[record.request_id] = record
            missing.discard(record.request_id)
            if not missing:
                break
    return found
