"""The notifier: sends messages about outcomes, and tries again.

It never holds a rollback up. No recipient holds the messages of others up.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Event, Thread

from rollout_spec.core.unexpected import as_user_error
from rollout_spec.service.logs import breach_log
from rollout_spec.service.messages import message_about
from rollout_spec.service.notices import Notices
from rollout_spec.service.records import Notice
from rollout_spec.service.secrets import monitor_secrets
from rollout_spec.service.workspaces import Served
from rollout_spec.spec.service import ServiceSettings
from rollout_spec.workflows.notify import recipient, recipients

_log = logging.getLogger(__name__)
_IDLE_SECONDS = 1.0
_CLAIM_SECONDS = 120.0
"""A notice is claimed for so long; it is sent again if its process is killed meanwhile."""
_MOST_TRIES = 12
_LONGEST_DELAY = 3600.0
_UNKNOWN_SECONDS = 10.0
_SEND_SECONDS = 12.0
"""The time of all recipients of one notice together. A recipient may answer byte by byte."""
_REST_SECONDS = 60.0
"""The time in which a recipient that did not answer in time gets no message."""


@dataclass
class Notifier:
    """Sends the notices of the inbox.

    ``served`` returns the workspaces, ``count`` is called with each result.
    """

    notices: Notices
    served: Callable[[], Served]
    count: Callable[[str], None] = lambda _: None
    seconds: float = _SEND_SECONDS
    _reserved: set[str] = field(default_factory=set, repr=False)
    _resting: dict[tuple[str, str], tuple[Thread, float]] = field(default_factory=dict)

    def run(self, ended: Event) -> None:
        """Send notices until ``ended`` is set."""
        while not ended.is_set():
            try:
                is_idle = not self.send_one()
            except Exception as error:
                _log.warning("no notice can be sent: %s", as_user_error(error).message)
                is_idle = True
            if is_idle:
                ended.wait(_IDLE_SECONDS)

    def send_one(self) -> bool:
        """Send one due notice to the recipients that did not get it yet. Return False if none is due."""
        notice = self.notices.claim(_CLAIM_SECONDS)
        if notice is None:
            return False
        served = self.served()
        self._reserved |= monitor_secrets(served)
        workspace = served.find(notice.row.workspace)
        if workspace is None:  # the workspaces are not read yet, or this one is gone
            self.notices.finish(notice, notice.sent, _UNKNOWN_SECONDS if notice.attempts < _MOST_TRIES else None)
            return True
        settings, sent = workspace.settings.spec.service, [*notice.sent]
        missing = [name for name in recipients(settings) if name not in sent]
        if settings is not None:
            sent += self._send_all(missing, settings, notice)
        is_done = len(sent) == len(notice.sent) + len(missing)
        delay = None
        if not is_done and notice.attempts < _MOST_TRIES:
            delay = random.uniform(0, min(_LONGEST_DELAY, 2.0**notice.attempts))  # noqa: S311
        self.notices.finish(notice, sent, delay)
        return True

    def _send_all(self, names: Sequence[str], settings: ServiceSettings, notice: Notice) -> list[str]:
        """Send a notice to recipients at the same time. Return the names of those that got it in time."""
        log, results, threads = breach_log(_log, notice.row), dict[str, str | None](), dict[str, Thread]()
        for name in names:
            thread, until = self._resting.get((notice.row.workspace, name), (None, 0.0))
            if thread is not None and (thread.is_alive() or time.monotonic() < until):
                continue  # a thread cannot be ended, so there is one for a recipient
            threads[name] = Thread(target=self._send, args=(name, settings, notice, results), daemon=True)
            threads[name].start()
        end = time.monotonic() + self.seconds
        for name, thread in threads.items():
            thread.join(max(0.0, end - time.monotonic()))
            if thread.is_alive():
                self._resting[notice.row.workspace, name] = (thread, time.monotonic() + _REST_SECONDS)
        late = f"it did not answer within {self.seconds:g} seconds"
        errors = {name: results.copy().get(name, late) for name in names}
        for name, error in errors.items():
            log.warning("recipient %s: %s", name, error) if error else log.info("recipient %s got a message", name)
            self.count("failed" if error else "sent")
        return [name for name, error in errors.items() if error is None]

    def _send(self, name: str, settings: ServiceSettings, notice: Notice, results: dict[str, str | None]) -> None:
        """Send a notice to one recipient, and add the error, or None, to the results."""
        try:
            recipient(settings, name, self._reserved).send(message_about(notice.row))
            results[name] = None
        except Exception as error:
            results[name] = as_user_error(error).message
