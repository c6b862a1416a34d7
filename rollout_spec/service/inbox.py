"""The inbox: a durable list of breaches, each answered by one worker at a time.

A breach is stored before its monitor gets an answer. A worker leases breaches and renews the lease while it works; a
lease that is not renewed may be taken over by any other worker. All steps of a rollback may be repeated, so a breach
that two workers answer still gives one pull request.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from rollout_spec.service.breach_json import from_json, to_json
from rollout_spec.service.database import BREACHES, Database
from rollout_spec.service.records import OPEN, UNFINISHED, NewBreach, Receipt, State, Step, StoredBreach, alert_key

_COLUMNS = BREACHES.c
_AGAIN_SECONDS = 10.0
"""The least time between two answers to one alert that is delivered again and again."""
_MOST_STEPS = 200
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
        values = _values(new, now)
        dialect = sqlite if self._database.is_sqlite else postgresql
        statement = dialect.insert(BREACHES).values(values).on_conflict_do_nothing(index_elements=["key"])
        if connection.execute(statement).rowcount == 1:
            return Receipt(values["id"], values["state"], is_new=True)
        row = (
            connection.execute(select(BREACHES).where(_COLUMNS.key == values["key"]).with_for_update()).mappings().one()
        )
        changes: dict[str, Any] = {"arrivals": row["arrivals"] + 1, "updated_at": now}
        if _needs_new_answer(row, values):
            # The alert fired again, or its last answer proposed nothing: what held it may have ended.
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
        """Lease due breaches of one workspace, the oldest first, and return them. Each is leased by one owner only."""
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
            return [_stored(row | {"attempts": row["attempts"] + 1, "owner": owner}) for row in map(dict, rows)]

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

        ``delay`` is the time until the next try or look, in seconds. ``notify``: people are to be told.
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
                "steps": _with_steps(row["steps"], steps),
                "owner": None,
                "leased_until": None,
                "updated_at": now,
            }
            if not was_delivered_again:
                changes |= {"state": state, "due_at": now + (delay or 0.0)}
            if notify:
                changes |= {"notify_at": now, "notify_attempts": 0}
            connection.execute(update(BREACHES).where(own).values(changes))
            return True

    def reopen(self, ids: Collection[str]) -> None:
        """Answer breaches again whose pull request is open: other breaches have changed their verdict."""
        with self._database.writing() as connection:
            now = self._database.now(connection)
            watched = and_(_COLUMNS.id.in_(ids), _COLUMNS.state == "watching")
            connection.execute(update(BREACHES).where(watched).values(state="waiting", due_at=now, attempts=0))

    def end(self, alert: str, ended_at: float) -> list[str]:
        """Note the end of an alert (``alert_key``) at its breaches. Return their ids."""
        with self._database.writing() as connection:
            own = and_(_COLUMNS.alert == alert, _COLUMNS.ended_at.is_(None), _COLUMNS.observed_at <= ended_at)
            now = self._database.now(connection)
            rows = connection.execute(select(BREACHES).where(own).with_for_update()).mappings().all()
            for row in rows:
                ended = Step(now, "resolved", "the monitor reports that the alert ended")
                values = {"ended_at": ended_at, "steps": _with_steps(row["steps"], [ended])}
                values |= {"due_at": now} if row["state"] == "watching" else {}
                connection.execute(update(BREACHES).where(_COLUMNS.id == row["id"]).values(values))
            return [row["id"] for row in rows]

    def find(self, id: str) -> StoredBreach | None:
        """Return one breach, None if absent."""
        with self._database.reading() as connection:
            row = connection.execute(select(BREACHES).where(_COLUMNS.id == id)).mappings().first()
        return _stored(row) if row is not None else None

    def newest(self, workspaces: Collection[str], most: int = _PAGE, state: str | None = None) -> list[StoredBreach]:
        """Return the newest breaches of some workspaces."""
        fits: list[ColumnElement[bool]] = [_COLUMNS.workspace.in_(workspaces)]
        fits += [_COLUMNS.state == state] if state else []
        wanted = select(BREACHES).where(*fits).order_by(_COLUMNS.received_at.desc(), _COLUMNS.id).limit(most)
        with self._database.reading() as connection:
            return [_stored(row) for row in connection.execute(wanted).mappings()]

    def recent(self, workspace: str, observed_after: float) -> list[StoredBreach]:
        """Return the breaches of a workspace that were observed after a time and can be answered."""
        fits = and_(
            _COLUMNS.workspace == workspace,
            _COLUMNS.observed_at >= observed_after,
            _COLUMNS.state != "refused",
            _COLUMNS.dry_run.is_(False),
        )
        with self._database.reading() as connection:
            return [_stored(row) for row in connection.execute(select(BREACHES).where(fits)).mappings()]

    def backlog(self) -> tuple[int, float]:
        """Return the number of unfinished breaches, and the age of the oldest one in seconds."""
        wanted = select(func.count(), func.min(_COLUMNS.received_at)).where(_COLUMNS.state.in_(UNFINISHED))
        with self._database.reading() as connection:
            count, oldest = connection.execute(wanted).one()
            return count, max(0.0, self._database.now(connection) - oldest) if oldest is not None else 0.0

    def forget(self, older_than: float) -> int:
        """Delete finished breaches that were last changed longer ago than this, in seconds. Return their number."""
        with self._database.writing() as connection:
            limit = self._database.now(connection) - older_than
            old = and_(_COLUMNS.state.not_in(OPEN), _COLUMNS.updated_at < limit, _COLUMNS.notify_at.is_(None))
            return connection.execute(delete(BREACHES).where(old)).rowcount


def _needs_new_answer(row: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
    """Return whether a repeated delivery needs an answer: the alert fired again, or nothing was proposed."""
    if row["state"] == "waiting" or values["state"] == "refused":
        return False
    is_over = row["state"] in ("done", "failed", "refused")
    proposed_nothing = is_over and "pullRequest" not in json.loads(row["outcome"])
    return proposed_nothing or bool(values["observed_at"] > row["observed_at"])


def _with_steps(before: str, steps: Iterable[Step]) -> str:
    return json.dumps([*json.loads(before), *map(asdict, steps)][-_MOST_STEPS:])


def _values(new: NewBreach, now: float) -> dict[str, Any]:
    """Return the row of a new breach."""
    breach = new.breach
    return {
        "id": uuid.uuid4().hex,
        "key": new.key,
        "alert": alert_key(new.workspace, breach.id) if breach else "",
        "workspace": new.workspace,
        "monitor": new.monitor,
        "rollout": breach.rollout if breach else "",
        "state": "refused" if new.refusal is not None else "waiting",
        "dry_run": new.dry_run,
        "breach": to_json(breach) if breach else None,
        "received_at": now,
        "observed_at": breach.observed_at.timestamp() if breach else now,
        "updated_at": now,
        "due_at": now + new.delay,
        "attempts": 0,
        "arrivals": 1,
        "outcome": json.dumps({"refused": new.refusal} if new.refusal is not None else {}),
        "steps": json.dumps([asdict(Step(now, "received", new.refusal or ""))]),
        "notify_attempts": 0,
    }


def _stored(row: Mapping[str, Any]) -> StoredBreach:
    return StoredBreach(
        id=row["id"],
        workspace=row["workspace"],
        monitor=row["monitor"],
        state=row["state"],
        dry_run=row["dry_run"],
        breach=from_json(row["breach"]) if row["breach"] else None,
        received_at=row["received_at"],
        observed_at=row["observed_at"],
        due_at=row["due_at"],
        attempts=row["attempts"],
        arrivals=row["arrivals"],
        outcome=json.loads(row["outcome"]),
        steps=tuple(Step(**step) for step in json.loads(row["steps"])),
        ended_at=row["ended_at"],
        owner=row["owner"],
    )
