"""The inbox: a durable list of breaches, each answered by one worker at a time.

A breach is stored before its monitor gets an answer. A worker leases breaches and renews the lease while it works; a
lease that is not renewed may be taken over by any other worker. All steps of a rollback may be repeated, so a breach
that two workers answer still gives one pull request.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from rollout_spec.service.database import BREACHES, Database
from rollout_spec.service.records import OPEN, UNFINISHED, NewBreach, Notice, Receipt, State, Step, StoredBreach
from rollout_spec.service.rows import needs_new_answer, stored, values_of, with_steps

_COLUMNS = BREACHES.c
_AGAIN_SECONDS = 10.0
"""The least time between two answers to one alert that is delivered again and again."""
_PAGE = 100


class Inbox:
    """The breaches in a database. Every method is one transaction; DatabaseError if it fails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, breaches: Sequence[NewBreach]) -> list[Receipt]:
        """Store breaches durably. A repeated delivery is counted at its first one, and may cause a new answer."""
        with self._database.writing() as connection:
            now = self._database.now(connection)
            return [self._add(connection, breach, now) for breach in breaches]

    def _add(self, connection: Connection, new: NewBreach, now: float) -> Receipt:
        values = values_of(new, now)
        dialect = sqlite if self._database.is_sqlite else postgresql
        statement = dialect.insert(BREACHES).values(values).on_conflict_do_nothing(index_elements=["key"])
        if connection.execute(statement).rowcount == 1:
            return Receipt(values["id"], values["state"], is_new=True)
        row = (
            connection.execute(select(BREACHES).where(_COLUMNS.key == values["key"]).with_for_update()).mappings().one()
        )
        changes: dict[str, Any] = {"arrivals": row["arrivals"] + 1, "updated_at": now}
        if needs_new_answer(dict(row), values):
            # The alert fired again, or its last answer proposed nothing: the guard may have ended.
            changes |= {
                "state": "waiting",
                "due_at": max(now, row["updated_at"] + _AGAIN_SECONDS),
                "breach": values["breach"],
                "observed_at": values["observed_at"],
                "ended_at": None,
                "attempts": 0,
            }
        connection.execute(update(BREACHES).where(_COLUMNS.id == row["id"]).values(changes))
        return Receipt(row["id"], changes.get("state", row["state"]), is_new=False)

    def lease(self, owner: str, seconds: float, most: int) -> list[StoredBreach]:
        """Lease due breaches of one workspace, the oldest first. Each has one owner."""
        with self._database.writing() as connection:
            now = self._database.now(connection)
            is_due = and_(
                _COLUMNS.state.in_(OPEN),
                _COLUMNS.due_at <= now,
                or_(_COLUMNS.leased_until.is_(None), _COLUMNS.leased_until < now),
            )
            order = (_COLUMNS.received_at, _COLUMNS.id)
            first = connection.execute(select(_COLUMNS.workspace).where(is_due).order_by(*order).limit(1)).scalar()
            if first is None:
                return []
            wanted = select(BREACHES).where(is_due, _COLUMNS.workspace == first).order_by(*order).limit(most)
            rows = connection.execute(wanted.with_for_update(skip_locked=True)).mappings().all()
            ids = [row["id"] for row in rows]
            changes = {"owner": owner, "leased_until": now + seconds, "attempts": _COLUMNS.attempts + 1}
            connection.execute(update(BREACHES).where(_COLUMNS.id.in_(ids)).values(changes))
            working = and_(_COLUMNS.id.in_(ids), _COLUMNS.state == "waiting")
            connection.execute(update(BREACHES).where(working).values(state="working"))
            return [stored(row | {"attempts": row["attempts"] + 1, "owner": owner}) for row in map(dict, rows)]

    def renew(self, owner: str, ids: Collection[str], seconds: float) -> int:
        """Extend the lease of breaches. Return how many this owner still has."""
        with self._database.writing() as connection:
            now = self._database.now(connection)
            own = and_(_COLUMNS.id.in_(ids), _COLUMNS.owner == owner)
            return connection.execute(update(BREACHES).where(own).values(leased_until=now + seconds)).rowcount

    def release(self, owner: str) -> None:
        """Give all leases of an owner back, so that another worker need not wait for their end."""
        with self._database.writing() as connection:
            own = and_(_COLUMNS.owner == owner, _COLUMNS.leased_until.is_not(None))
            connection.execute(update(BREACHES).where(own).values(owner=None, leased_until=None))

    def finish(
        self,
        owner: str,
        id: str,
        state: State,
        outcome: Mapping[str, Any],
        steps: Iterable[Step],
        *,
        delay: float | None = None,
        notify: bool = False,
    ) -> bool:
        """Write the result of a try, and end its lease. Return False if another worker has the lease now.

        ``delay`` is the time until the next try or look, in seconds. ``notify``: people get a message.
        """
        with self._database.writing() as connection:
            now = self._database.now(connection)
            own = and_(_COLUMNS.id == id, _COLUMNS.owner == owner)
            row = connection.execute(select(BREACHES).where(own).with_for_update()).mappings().first()
            if row is None:
                return False
            was_delivered_again = row["state"] == "waiting"  # while it was answered
            changes: dict[str, Any] = {
                "outcome": json.dumps(dict(outcome)),
                "steps": with_steps(row["steps"], steps),
                "owner": None,
                "leased_until": None,
                "updated_at": now,
            }
            if not was_delivered_again:
                changes |= {"state": state, "due_at": now + (delay or 0.0)}
            if notify:
                changes |= {"notify_at": now, "notify_attempts": 0, "notified": "[]"}
            connection.execute(update(BREACHES).where(own).values(changes))
            return True

    def reopen(self, ids: Collection[str]) -> None:
        """Answer breaches with an open pull request again: others have changed their verdict.

        One that a worker answers now is answered once more afterwards.
        """
        with self._database.writing() as connection:
            now = self._database.now(connection)
            watched = and_(_COLUMNS.id.in_(ids), _COLUMNS.state.in_(("working", "watching")))
            connection.execute(update(BREACHES).where(watched).values(state="waiting", due_at=now, attempts=0))

    def end(self, alert: str, ended_at: float) -> list[str]:
        """Note the end of an alert (``alert_key``) at its breaches. Return their ids."""
        with self._database.writing() as connection:
            own = and_(_COLUMNS.alert == alert, _COLUMNS.ended_at.is_(None), _COLUMNS.observed_at <= ended_at)
            now = self._database.now(connection)
            rows = connection.execute(select(BREACHES).where(own).with_for_update()).mappings().all()
            for row in rows:
                ended = Step(now, "resolved", "the monitor reports that the alert ended")
                values = {"ended_at": ended_at, "steps": with_steps(row["steps"], [ended])}
                values |= {"due_at": now} if row["state"] == "watching" else {}
                connection.execute(update(BREACHES).where(_COLUMNS.id == row["id"]).values(values))
            return [row["id"] for row in rows]

    def claim_notice(self, seconds: float) -> Notice | None:
        """Claim the oldest due notice for a time, None if none is due."""
        with self._database.writing() as connection:
            now = self._database.now(connection)
            due = select(BREACHES).where(_COLUMNS.notify_at <= now).order_by(_COLUMNS.notify_at).limit(1)
            row = connection.execute(due.with_for_update(skip_locked=True)).mappings().first()
            if row is None:
                return None
            changes = {"notify_at": now + seconds, "notify_attempts": row["notify_attempts"] + 1}
            connection.execute(update(BREACHES).where(_COLUMNS.id == row["id"]).values(changes))
            return Notice(stored(dict(row)), tuple(json.loads(row["notified"])), row["notify_attempts"] + 1)

    def noticed(self, notice: Notice, sent: Sequence[str], delay: float | None) -> None:
        """Note the recipients that got a notice. It is due again after ``delay``; None: never.

        Another outcome makes it due again too.
        """
        with self._database.writing() as connection:
            now = self._database.now(connection)
            same = and_(_COLUMNS.id == notice.row.id, _COLUMNS.notify_attempts == notice.attempts)
            due = now + delay if delay is not None else None
            values = {"notify_at": due, "notified": json.dumps(list(sent))}
            connection.execute(update(BREACHES).where(same).values(values))

    def find(self, id: str) -> StoredBreach | None:
        """Return one breach, None if absent."""
        with self._database.reading() as connection:
            row = connection.execute(select(BREACHES).where(_COLUMNS.id == id)).mappings().first()
        return stored(dict(row)) if row is not None else None

    def newest(self, workspaces: Collection[str], most: int = _PAGE, state: str | None = None) -> list[StoredBreach]:
        """Return the newest breaches of some workspaces."""
        fits: list[ColumnElement[bool]] = [_COLUMNS.workspace.in_(workspaces)]
        fits += [_COLUMNS.state == state] if state else []
        wanted = select(BREACHES).where(*fits).order_by(_COLUMNS.received_at.desc(), _COLUMNS.id).limit(most)
        with self._database.reading() as connection:
            return [stored(dict(row)) for row in connection.execute(wanted).mappings()]

    def recent(self, workspace: str, observed_after: float) -> list[StoredBreach]:
        """Return the breaches of a workspace that were observed after a time and can be answered."""
        fits = and_(
            _COLUMNS.workspace == workspace,
            _COLUMNS.observed_at >= observed_after,
            _COLUMNS.state != "refused",
            _COLUMNS.dry_run.is_(False),
        )
        with self._database.reading() as connection:
            return [stored(dict(row)) for row in connection.execute(select(BREACHES).where(fits)).mappings()]

    def backlog(self) -> tuple[int, float]:
        """Return the number of unfinished breaches, and the age of the oldest one in seconds."""
        wanted = select(func.count(), func.min(_COLUMNS.received_at)).where(_COLUMNS.state.in_(UNFINISHED))
        with self._database.reading() as connection:
            count, oldest = connection.execute(wanted).one()
            return count, max(0.0, self._database.now(connection) - oldest) if oldest is not None else 0.0

    def forget(self, older_than: float) -> int:
        """Delete finished breaches that did not change for so many seconds. Return their number."""
        with self._database.writing() as connection:
            limit = self._database.now(connection) - older_than
            old = and_(_COLUMNS.state.not_in(OPEN), _COLUMNS.updated_at < limit, _COLUMNS.notify_at.is_(None))
            return connection.execute(delete(BREACHES).where(old)).rowcount
