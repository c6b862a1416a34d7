"""The notices of the inbox: outcomes that people must get a message about."""

from __future__ import annotations

import json
from collections.abc import Sequence

from sqlalchemy import and_, select, update

from rollout_spec.service.database import BREACHES, Database
from rollout_spec.service.leases import Turns
from rollout_spec.service.records import Notice
from rollout_spec.service.rows import stored

_COLUMNS = BREACHES.c


class Notices:
    """The due notices in a database. Every method is one transaction; DatabaseError if it fails."""

    def __init__(self, database: Database) -> None:
        self._database, self._turns = database, Turns()

    def claim(self, seconds: float) -> Notice | None:
        """Claim the oldest due notice of the next workspace, None if none is due."""
        with self._database.reading() as connection:  # an idle notifier takes no lock
            if connection.execute(select(_COLUMNS.id).where(_COLUMNS.notify_at.is_not(None)).limit(1)).first() is None:
                return None
        with self._database.writing() as connection:
            now = self._database.now(connection)
            workspace = self._turns.next(connection, _COLUMNS.notify_at <= now)
            is_due = and_(_COLUMNS.notify_at <= now, _COLUMNS.workspace == workspace)
            due = select(BREACHES).where(is_due).order_by(_COLUMNS.notify_at).limit(1)
            row = connection.execute(due.with_for_update(skip_locked=True)).mappings().first()
            if row is None:
                return None
            changes = {"notify_at": now + seconds, "notify_attempts": row["notify_attempts"] + 1}
            connection.execute(update(BREACHES).where(_COLUMNS.id == row["id"]).values(changes))
            return Notice(stored(dict(row)), tuple(json.loads(row["notified"])), row["notify_attempts"] + 1)

    def finish(self, notice: Notice, sent: Sequence[str], delay: float | None) -> None:
        """Note the recipients that got a notice. It is due again after ``delay``; None: never.

        Another outcome makes it due again too.
        """
        with self._database.writing() as connection:
            now = self._database.now(connection)
            same = and_(_COLUMNS.id == notice.row.id, _COLUMNS.notify_attempts == notice.attempts)
            due = now + delay if delay is not None else None
            values = {"notify_at": due, "notified": json.dumps(list(sent))}
            connection.execute(update(BREACHES).where(same).values(values))
