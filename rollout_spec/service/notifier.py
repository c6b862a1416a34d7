"""The notifier: sends messages about outcomes, and tries again. It never holds a rollback up."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event

from rollout_spec.core.errors import UserError
from rollout_spec.core.unexpected import as_user_error
from rollout_spec.service.logs import breach_log
from rollout_spec.service.messages import message_about
from rollout_spec.service.notices import Notices
from rollout_spec.service.records import Notice
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


@dataclass
class Notifier:
    """Sends the notices of the inbox.

    ``served`` returns the workspaces, ``count`` is called with each result.
    """

    notices: Notices
    served: Callable[[], Served]
    count: Callable[[str], None] = lambda _: None

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
        workspace = self.served().workspaces.get(notice.row.workspace)
        if workspace is None:  # the workspaces are not read yet, or this one is gone
            self.notices.finish(notice, notice.sent, _UNKNOWN_SECONDS if notice.attempts < _MOST_TRIES else None)
            return True
        settings, sent = workspace.settings.spec.service, [*notice.sent]
        missing = [name for name in recipients(settings) if name not in sent]
        for name in missing:
            if settings is not None and self._send(name, settings, notice):
                sent.append(name)
        is_done = len(sent) == len(notice.sent) + len(missing)
        delay = None
        if not is_done and notice.attempts < _MOST_TRIES:
            delay = random.uniform(0, min(_LONGEST_DELAY, 2.0**notice.attempts))  # noqa: S311
        self.notices.finish(notice, sent, delay)
        return True

    def _send(self, name: str, settings: ServiceSettings, notice: Notice) -> bool:
        log = breach_log(_log, notice.row)
        try:
            recipient(settings, name).send(message_about(notice.row))
        except UserError as error:
            log.warning("recipient %s: %s", name, error.message)
            self.count("failed")
            return False
        log.info("recipient %s got a message", name)
        self.count("sent")
        return True
