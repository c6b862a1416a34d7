"""The worker: leases breaches, answers them, and follows their pull requests until they are merged.

It runs in a process of its own. What a killed worker leased is taken over by any worker once the lease ends.
"""

from __future__ import annotations

import logging
import os
import random
import signal
import socket
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread

from rollout_spec.core import bounded_process as confined
from rollout_spec.core import budget
from rollout_spec.core.errors import UserError
from rollout_spec.core.unexpected import as_user_error
from rollout_spec.service.answers import SHARED_CAUSE, Answer, answer_all, failed
from rollout_spec.service.follow import follow
from rollout_spec.service.inbox import Inbox
from rollout_spec.service.logs import breach_log
from rollout_spec.service.records import Step, StoredBreach
from rollout_spec.service.workspaces import Served, ServedWorkspace, base_of, serve_again
from rollout_spec.workflows.base_branch import Base, forge_of
from rollout_spec.workflows.respond import Responder

_log = logging.getLogger(__name__)
_BATCH = 20
_FIRST_DELAY, _LONGEST_DELAY = 0.5, 60.0
"""The bounds of the random time before the next try, in seconds."""
PAUSED_SECONDS = 30.0
"""The time between two looks at a breach that a pause holds, or that would introduce an error."""
_TOLD_AFTER = 3
"""The tries after which people are told that a breach has no answer yet."""


@dataclass(frozen=True)
class WorkerOptions:
    """The options of a worker, in seconds: ``lease`` of one lease, ``most`` of one batch of work."""

    root: Path
    lease: float = 15.0
    most: float = 300.0


@dataclass
class Worker:
    """A worker of one inbox. ``tell`` is called with each answer, and with None as a sign of life."""

    inbox: Inbox
    options: WorkerOptions
    tell: Callable[[Answer | None], None] = lambda _: None
    owner: str = field(default_factory=lambda: f"{socket.gethostname()[:30]}-{os.getpid()}-{uuid.uuid4().hex[:8]}")
    served: Served = field(default_factory=Served)

    def work(self) -> bool:
        """Answer one batch of breaches. Return False if none was due."""
        self.tell(None)
        rows = self.inbox.lease(self.owner, self.options.lease, _BATCH)
        if not rows:
            return False
        with self._renewed(rows):
            try:
                self._answer(rows)
            except Exception as error:
                _log.exception("unexpected error of the worker")
                for row in rows:
                    self._finish(failed(row, as_user_error(error)), None)
        return True

    def _answer(self, rows: Sequence[StoredBreach]) -> None:
        """Answer leased breaches of one workspace. Each has its answer stored as soon as it is known."""
        workspace = self._workspace(rows[0].workspace)
        if workspace is None:
            error = UserError(f"no workspace {rows[0].workspace} on the base", hint="; ".join(self.served.errors))
            for row in rows:
                self._finish(failed(row, error), None)
            return
        remaining = {row.id: row for row in rows}
        try:
            with budget.command(), confined.together():
                for answer in self._answers(rows, workspace):
                    del remaining[answer.row.id]
                    self._finish(answer, workspace)
        except Exception as error:
            for row in remaining.values():
                self._finish(failed(row, as_user_error(error)), workspace)

    def _answers(self, rows: Sequence[StoredBreach], workspace: ServedWorkspace) -> Iterator[Answer]:
        base, settings = base_of(workspace)
        now = datetime.now(UTC)
        forge = None
        if base.automation.mode != "dry-run" and not all(row.dry_run for row in rows):
            forge = forge_of(base, settings.spec.forge)
        within = base.automation.shared_cause.within + timedelta(minutes=1)
        others = self.inbox.recent(workspace.name, (now - within).timestamp())
        to_answer = []
        for row in (row for row in rows if not row.dry_run):
            looked = follow(row, base, forge) if row.state == "watching" and forge is not None else None
            if looked is None:
                to_answer.append(row)
            else:
                yield looked
        yield from answer_all([row for row in rows if row.dry_run], Responder(base, None, now), others)
        answers = list[Answer]()
        for answer in answer_all(to_answer, Responder(base, forge, now, attests=True), others):
            answers.append(answer)
            yield answer
        self._reopen_shared(answers, others, base)

    def _reopen_shared(self, answers: Sequence[Answer], others: Sequence[StoredBreach], base: Base) -> None:
        """Answer the other breaches of a shared cause again, so that their rollbacks become drafts too."""
        guards = {reason["guard"] for answer in answers for reason in answer.outcome.get("reasons", ())}
        if SHARED_CAUSE not in guards:
            return
        own = {answer.row.id for answer in answers}
        acted_on = [row.id for row in others if row.id not in own and row.outcome.get("verdict") == "act"]
        if acted_on:
            self.inbox.reopen(acted_on)

    def _workspace(self, name: str) -> ServedWorkspace | None:
        if name not in self.served.workspaces:
            self.served = serve_again(self.options.root, self.served)
        return self.served.workspaces.get(name)

    def _finish(self, answer: Answer, workspace: ServedWorkspace | None) -> None:
        """Store an answer. After an error the breach is tried again until it is too old; then people are told."""
        row, state, delay, notify = answer.row, answer.state, 0.0, answer.is_news
        log = breach_log(_log, row)
        if answer.error is not None:
            delay = random.uniform(0, min(_LONGEST_DELAY, _FIRST_DELAY * 2 ** min(row.attempts, 10)))  # noqa: S311
            log.warning("no answer yet: %s", answer.error)
            notify = row.attempts == _TOLD_AFTER
            if time.time() - row.received_at > _longest(workspace).total_seconds():
                state, notify = "failed", True
        elif state == "waiting":
            delay = PAUSED_SECONDS
        elif state == "watching":
            delay = answer.delay
        for name, text in answer.steps:
            log.info("%s: %s", name, text)
        now = time.time()
        steps = [Step(now, name, text) for name, text in answer.steps]
        if self.inbox.finish(self.owner, row.id, state, answer.outcome, steps, delay=delay, notify=notify):
            self.tell(answer)
        else:
            log.info("another worker has this breach now")

    @contextmanager
    def _renewed(self, rows: Sequence[StoredBreach]) -> Iterator[None]:
        """Renew the lease of rows in a thread. End this process if the work takes too long."""
        done, ids = Event(), [row.id for row in rows]
        thread = Thread(target=self._renew, args=(ids, done), name="lease", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def _renew(self, ids: Sequence[str], done: Event) -> None:
        end = time.monotonic() + self.options.most
        while not done.wait(self.options.lease / 3):
            self.tell(None)
            if time.monotonic() > end:
                _log.error("the work on %d breaches takes more than %g s: the worker ends", len(ids), self.options.most)
                os.killpg(os.getpgid(0), signal.SIGKILL)
            try:
                self.inbox.renew(self.owner, ids, self.options.lease)
            except UserError as error:
                _log.warning("the lease is not renewed: %s", error.message)


def _longest(workspace: ServedWorkspace | None) -> timedelta:
    """Return how long a breach is tried again: `maxBreachAge` of its workspace."""
    return workspace.settings.spec.automation.max_breach_age if workspace else timedelta(days=1)
