"""Requests to the model server: at a rate, some at once, each outcome into the journal."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, islice
from queue import Empty, SimpleQueue
from threading import Lock

from rollout_spec.core.errors import OUTSIDE, UserError
from rollout_spec.core.replay import ReplayedAnswer, ReplayedRequest, ReplayFailure
from rollout_spec.integrations.model_servers import ModelClient
from rollout_spec.integrations.replay_journal import ReplayJournal
from rollout_spec.workflows.replay.selection import Job, Selection

WARMUP = 5
"""The first requests are sent once before, and these answers are not used: a server loads its model at the first."""
MOST_SILENT = 20
"""The requests in a row without any answer, after which the run stops."""
_SILENT = ("no-connection", "timeout")
_BURST_SECONDS = 0.1
_LOOK_SECONDS = 0.5

Outcome = ReplayedAnswer | ReplayFailure
Progress = Callable[[int, int], None]
"""Called with the number of replayed requests and that of failures."""


class Pace:
    """A rate of requests. After a delay, those of a tenth of a second may be sent at once."""

    def __init__(self, rate: float) -> None:
        self._step = 1 / rate
        self._next = time.monotonic()

    def wait(self) -> None:
        """Wait until the next request may be sent."""
        now = time.monotonic()
        self._next = max(self._next, now - _BURST_SECONDS) + self._step
        if self._next - self._step > now:
            time.sleep(self._next - self._step - now)


class Sender:
    """A run against a server. Threads send, this one reads the log and writes the journal."""

    def __init__(
        self, connect: Callable[[], ModelClient], pace: Pace, concurrency: int, progress: Progress | None = None
    ) -> None:
        self._connect, self._pace, self._concurrency, self._progress = connect, pace, concurrency, progress
        self._idle: SimpleQueue[ModelClient] = SimpleQueue()
        self._clients: list[ModelClient] = []
        self._lock = Lock()
        self._results: SimpleQueue[tuple[Job, Outcome | Exception]] = SimpleQueue()
        self._silent: list[ReplayedRequest] = []
        self.sent = self.failed = self.warmup = 0

    def run(self, selection: Selection, journal: ReplayJournal) -> None:
        """Replay all jobs. UserError with status 3 if the server stops to answer; the journal has the rest.

        Requests without any answer are in the journal only once a later one was answered, or all are sent.
        """
        pool, running = ThreadPoolExecutor(self._concurrency, thread_name_prefix="replay"), 0
        try:
            for job in self._warmed_up(selection.jobs()):
                self._pace.wait()
                while running >= self._concurrency or not self._results.empty():
                    running -= self._settle(selection, journal)
                pool.submit(self._work, job)
                running, self.sent = running + 1, self.sent + 1
            while running:
                running -= self._settle(selection, journal)
            self._record(self._silent, selection, journal)
        finally:
            journal.commit()
            with self._lock:
                for client in self._clients:
                    client.close()
            pool.shutdown(wait=True, cancel_futures=True)

    def _warmed_up(self, jobs: Iterator[Job]) -> Iterable[Job]:
        """Send the first requests once, and return all jobs. UserError if none of them is answered."""
        first = list(islice(jobs, WARMUP))
        failures = []
        for job in first:
            self._pace.wait()
            outcome = self._predict(job)
            self.warmup += 1
            if isinstance(outcome, ReplayFailure):
                failures.append(outcome)
        if first and len(failures) == len(first):
            message = f"the server answered none of the first {len(first)} requests: {failures[0].message}"
            hint = "check --against, --protocol and --model; nothing was recorded"
            raise UserError(message, hint=hint, status=OUTSIDE)
        return chain(first, jobs)

    def _work(self, job: Job) -> None:
        try:
            self._results.put((job, self._predict(job)))
        except Exception as error:
            self._results.put((job, error))

    def _predict(self, job: Job) -> Outcome:
        try:
            client = self._idle.get_nowait()
        except Empty:
            client = self._connect()
            with self._lock:
                self._clients.append(client)
        try:
            return client.predict(job.record)
        finally:
            self._idle.put(client)

    def _settle(self, selection: Selection, journal: ReplayJournal) -> int:
        """Take an outcome into the journal. Return the number of outcomes, 0 after half a second."""
        try:
            job, outcome = self._results.get(timeout=_LOOK_SECONDS)
        except Empty:
            journal.commit_if_due()
            return 0
        if isinstance(outcome, Exception):
            raise outcome
        request = _replayed(job, outcome)
        if isinstance(outcome, ReplayFailure) and outcome.kind in _SILENT:
            self._silent.append(request)
            if len(self._silent) >= MOST_SILENT:
                message = f"the server gave no answer to {MOST_SILENT} requests in a row: {outcome.message}"
                hint = "run it again once the server answers: it goes on from the journal"
                raise UserError(message, hint=hint, status=OUTSIDE)
        else:
            self._record((*self._silent, request), selection, journal)
            self._silent.clear()
        self.failed += isinstance(outcome, ReplayFailure)
        if self._progress is not None:
            self._progress(self.sent, self.failed)
        return 1

    def _record(self, requests: Iterable[ReplayedRequest], selection: Selection, journal: ReplayJournal) -> None:
        for request in requests:
            journal.add(request)
            selection.done(request.arm, request.request_id)


def _replayed(job: Job, outcome: Outcome) -> ReplayedRequest:
    record = job.record
    return ReplayedRequest(
        arm=job.arm,
        position=job.position,
        request_id=record.request_id,
        logged=record.outputs,
        outcome=outcome,
        logged_ms=record.latency_ms,
        segment=record.segment,
        label=record.label,
        weight=record.weight,
    )
