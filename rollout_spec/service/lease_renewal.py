"""The renewal of leases while a worker answers breaches."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event, Thread

from rollout_spec.core.errors import UserError
from rollout_spec.service.inbox import Inbox

_log = logging.getLogger(__name__)


@dataclass
class LeaseRenewal:
    """The renewal of the leases of one owner.

    ``seconds`` is the length of a lease, ``most`` the longest work on one answer. ``is_alive`` is called at each
    renewal, ``end`` if the work takes too long.
    """

    inbox: Inbox
    owner: str
    seconds: float
    most: float
    is_alive: Callable[[], None]
    end: Callable[[], None]
    _since: float = 0.0

    def note_progress(self) -> None:
        """Note that an answer is done."""
        self._since = time.monotonic()

    @contextmanager
    def of(self, ids: Sequence[str]) -> Iterator[None]:
        """Renew the leases of some breaches in a thread, until the end of the block."""
        self.note_progress()
        done = Event()
        thread = Thread(target=self._renew, args=(ids, done), name="lease", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def _renew(self, ids: Sequence[str], done: Event) -> None:
        while not done.wait(self.seconds / 3):
            self.is_alive()
            if time.monotonic() - self._since > self.most:
                _log.error("the work on one of %d breaches takes more than %g s", len(ids), self.most)
                self.end()
                return
            try:
                self.inbox.renew(self.owner, ids, self.seconds)
            except UserError as error:
                _log.warning("the lease is not renewed: %s", error.message)
