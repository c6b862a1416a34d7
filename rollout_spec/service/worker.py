"""The worker: leases breaches, answers them, and follows their pull requests until they are merged.

It runs in a process of its own. What a killed worker leased is taken over by any worker once the lease ends.
"""

from __future__ import annotations

import logging
import os
import random
import socket
import threading
import time
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rollout_spec.core import bounded_process as confined
from rollout_spec.core import budget
from rollout_spec.core.breach import Breach
from rollout_spec.core.errors import OUTSIDE, UserError
from rollout_spec.core.unexpected import as_user_error
from rollout_spec.integrations.forges import Forge
from rollout_spec.service.answers import Answer, answer_all, counts_since, failed, has_shared_cause
from rollout_spec.service.database import DatabaseError
from rollout_spec.service.follow import LONGEST_SECONDS, delay_after, follow, stays_merged
from rollout_spec.service.inbox import Inbox
from rollout_spec.service.lease_renewal import LeaseRenewal
from rollout_spec.service.logs import breach_log
from rollout_spec.service.records import GIVEN_UP, Step, StoredBreach
from rollout_spec.service.secrets import learn_secrets
from rollout_spec.service.workspaces import Served, ServedWorkspace, base_of, serve_again
from rollout_spec.workflows.base_branch import Base, forge_of
from rollout_spec.workflows.hold import SHARED_CAUSE
from rollout_spec.workflows.respond import Responder

_log = logging.getLogger(__name__)
_BATCH = 20
_FIRST_DELAY, _LONGEST_DELAY = 0.5, 60.0
"""The bounds of the random time before the next try, in seconds."""
PAUSED_SECONDS = 30.0
"""The time between two looks at a breach that a pause holds, or that would introduce an error."""
_MOST_THREADS = 100
"""The threads at which a worker ends itself: each answer of a forge that comes byte by byte leaves one behind."""
_TOLD_AFTER = 3
"""The tries after which people get a message that a breach has no answer yet."""


@dataclass(frozen=True)
class WorkerOptions:
    """The options of a worker, in seconds: ``lease`` of one lease, ``most`` of the work on one answer."""

    root: Path
    lease: float = 15.0
    most: float = 300.0


@dataclass
class Worker:
    """A worker of one inbox.

    ``tell`` is called with each answer, and with None as a sign of life. ``end`` ends this process: an answer takes too
    long.
    """

    inbox: Inbox
    options: WorkerOptions
    tell: Callable[[Answer | None], None] = lambda _: None
    end: Callable[[], None] = lambda: None
    owner: str = field(default_factory=lambda: f"{socket.gethostname()[:30]}-{os.getpid()}-{uuid.uuid4().hex[:8]}")
    served: Served = field(default_factory=Served)
    _renewal: LeaseRenewal = field(init=False)

    def __post_init__(self) -> None:
        options = self.options
        self._renewal = LeaseRenewal(
            self.inbox, self.owner, options.lease, options.most, lambda: self.tell(None), lambda: self.end()
        )

    def load(self) -> None:
        """Read the workspaces, so that the first breach need not wait for it."""
        self.served = serve_again(self.options.root, self.served)

    def work(self) -> bool:
        """Answer one batch of breaches. Return False if none was due."""
        self.tell(None)
        rows = self.inbox.lease(self.owner, self.options.lease, _BATCH)
        if not rows:
            return False
        with self._renewal.of([row.id for row in rows]):
            self._answer([row for row in rows if not self._gives_up(row)])
        if threading.active_count() > _MOST_THREADS:
            _log.error("requests of a forge that never ended left too many threads: the worker ends")
            self.end()
        return True

    def _gives_up(self, row: StoredBreach) -> bool:
        """Give a breach up if it is too old and ended its last worker. Return whether it is."""
        if not row.was_left or row.age < self._longest(row):
            return False
        self._finish(failed(row, UserError("the workers that answered this breach ended")))
        return True

    def _answer(self, rows: Sequence[StoredBreach]) -> None:
        """Answer leased breaches of one workspace. Each has its answer stored as soon as it is known."""
        if not rows:
            return
        remaining = {row.id: row for row in rows}
        try:
            with budget.command(), confined.together():
                for answer in self._answers(rows, self._workspace(rows[0].workspace)):
                    del remaining[answer.row.id]
                    self._finish(answer)
        except DatabaseError:
            raise  # no outcome can be written now: the leases end, and the breaches are answered again
        except Exception as error:
            reason = as_user_error(error)
            if reason.status != OUTSIDE:  # the workspace may have moved to another folder
                self._set(rows[0].workspace, None)
            for row in remaining.values():
                self._finish(failed(row, reason))

    def _set(self, name: str, workspace: ServedWorkspace | None) -> None:
        """Replace a workspace, or look for it again at the next breach."""
        others = {each: known for each, known in self.served.workspaces.items() if each != name}
        workspaces = others | ({name: workspace} if workspace is not None else {})
        self.served = replace(self.served, workspaces=workspaces)

    def _answers(self, rows: Sequence[StoredBreach], workspace: ServedWorkspace) -> Iterator[Answer]:
        base, settings = base_of(workspace)
        self._set(workspace.name, replace(workspace, settings=settings, commit=base.commit, error=None))
        now = datetime.fromtimestamp(rows[0].leased_at or time.time(), UTC)  # one clock for all replicas
        forge = None
        if base.automation.mode != "dry-run" and not all(row.dry_run for row in rows):
            forge = forge_of(base, settings.spec.forge)
        others = self.inbox.recent(workspace.name, counts_since(base, now))
        yield from answer_all([row for row in rows if row.dry_run], Responder(base, None, now), others)
        live, responder = [row for row in rows if not row.dry_run], Responder(base, forge, now, attests=True)
        # New breaches come first: a slow forge must not spend their time on pull requests that are open already.
        yield from self._answered([row for row in live if row.state != "watching"], responder, others, workspace.name)
        moved = list[StoredBreach]()
        for row in (row for row in live if row.state == "watching"):
            looked = self._followed(row, base, forge) if forge is not None else None
            if looked is None:
                moved.append(row)
            else:
                yield looked
        yield from self._answered(moved, responder, others, workspace.name)

    def _answered(
        self, rows: Sequence[StoredBreach], responder: Responder, others: Sequence[Breach], workspace: str
    ) -> Iterator[Answer]:
        """Answer breaches together. A shared cause lets others be answered again."""
        own, forge, last = {row.id for row in rows}, responder.forge, None
        for answer in answer_all(rows, responder, others, self._checkpoint):
            if (
                has_shared_cause(answer.outcome) and answer.outcome != last
            ):  # first, so that a worker that is killed now leaves none armed
                self._reopen_shared(own, workspace, responder)
                last = answer.outcome
            yield stays_merged(answer, responder.base, forge) if forge is not None else answer

    def _checkpoint(self, rows: Sequence[StoredBreach], begun: Mapping[str, Any]) -> None:
        """Store the outcome so far before a push, so that the next worker finds it if this one is killed."""
        try:
            self.inbox.begin(self.owner, [row.id for row in rows], begun)
        except DatabaseError as error:  # a rollback is more urgent than its link
            _log.warning("the branch of a rollback is not noted: %s", error.message)

    def _followed(self, row: StoredBreach, base: Base, forge: Forge) -> Answer | None:
        """Look at a pull request. An error is of this breach alone: the others of the batch go on."""
        try:
            return follow(row, base, forge)
        except DatabaseError:
            raise
        except Exception as error:
            return failed(row, as_user_error(error))

    def _reopen_shared(self, own: Collection[str], workspace: str, responder: Responder) -> None:
        """Answer the other breaches of a shared cause again, so that their rollbacks become drafts too."""
        # They are read again: another worker may have answered one meanwhile without this cause.
        others = self.inbox.unaware(workspace, counts_since(responder.base, responder.now), SHARED_CAUSE)
        if acted_on := others - set(own):
            self.inbox.reopen(acted_on)

    def _workspace(self, name: str) -> ServedWorkspace:
        if self.served.find(name) is None:
            self.load()
        workspace = self.served.find(name)
        if workspace is None:
            reasons = (*self.served.errors, *self.served.invalid)
            raise UserError(f"no workspace {name} on the base", hint="; ".join(reasons))
        learn_secrets(workspace)
        return workspace

    def _finish(self, answer: Answer) -> None:
        """Store an answer.

        After an error the breach is tried again until it is too old. Then people get a message.
        """
        row, state, delay, notify = answer.row, answer.state, 0.0, answer.is_news
        log = breach_log(_log, row)
        if answer.error is not None:
            delay = random.uniform(0, min(_LONGEST_DELAY, _FIRST_DELAY * 2 ** min(row.attempts, 10)))  # noqa: S311
            log.warning("no answer yet: %s", answer.error)
            notify = row.attempts == _TOLD_AFTER
            # A pull request may be open for days, so it is looked at for longer.
            longest = LONGEST_SECONDS if state == "watching" else self._longest(row)
            if row.age > longest:
                state, notify = "failed", not row.is_given_up
                answer = replace(answer, steps=(*answer.steps, (GIVEN_UP, f"no answer within {longest:g} seconds")))
        elif state == "waiting":
            delay = PAUSED_SECONDS
        elif state == "watching":
            delay = max(answer.delay, delay_after(row.age))
        for name, text in answer.steps:
            log.info("%s: %s", name, text)
        now = time.time()
        steps = [Step(now, name, text) for name, text in answer.steps]
        notify = notify and not row.dry_run
        options: dict[str, Any] = {"delay": delay, "notify": notify, "is_error": answer.error is not None}
        is_ours = self.inbox.finish(self.owner, row.id, state, answer.outcome, steps, **options)
        self._renewal.note_progress()
        if is_ours:
            self.tell(answer)
        else:
            log.info("another worker has this breach now")

    def _longest(self, row: StoredBreach) -> float:
        """Return how long a breach is tried again: `maxBreachAge` of its workspace, in seconds."""
        workspace = self.served.find(row.workspace)
        longest = workspace.settings.spec.automation.max_breach_age if workspace else timedelta(days=1)
        return longest.total_seconds()
