"""The inbox: a durable list of breaches, each answered by one worker at a time.

A worker leases breaches and renews the lease while it works. Any worker may take over a lease that is not renewed: all
steps of a rollback may be repeated, so two workers still give one pull request.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, delete, not_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from rollout_spec.service.database import BREACHES, Database
from rollout_spec.service.inbox_reads import InboxReads
from rollout_spec.service.leases import IS_NEW, Turns, due, not_leased
from rollout_spec.service.records import BEGUN, OPEN, NewBreach, Receipt, State, Step, StoredBreach
from rollout_spec.service.rows import changes_of, stored, values_of, with_steps

_COLUMNS = BREACHES.c


class Inbox(InboxReads):
    """The breaches in a database. Every method is one transaction; DatabaseError if it fails."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._turns = Turns()

    def add(self, breaches: Sequence[NewBreach]) -> list[Receipt]:
        """Store breaches durably. A repeated delivery is counted at its first one, and may cause a new answer."""
        with self._database.writing() as connection:
            now = self._database.now(connection)
            receipts: dict[int, Receipt] = {}
            for number, breach in sorted(enumerate(breaches), key=lambda each: each[1].key):
                # All writers lock rows in the order of their keys, so that two replicas never wait for each other.
                receipts[number] = self._add(connection, breach, now)
            return [receipts[number] for number in range(len(breaches))]

    def _add(self, connection: Connection, new: NewBreach, now: float) -> Receipt:
        values = values_of(new, now)
        dialect = sqlite if self._database.is_sqlite else postgresql
        statement = dialect.insert(BREACHES).values(values).on_conflict_do_nothing(index_elements=["key"])
        if connection.execute(statement.returning(_COLUMNS.id)).first() is not None:
            return Receipt(values["id"], values["state"], is_new=True)
        row = (
            connection.execute(select(BREACHES).where(_COLUMNS.key == values["key"]).with_for_update()).mappings().one()
        )
        changes = changes_of(dict(row), values, now)
        connection.execute(update(BREACHES).where(_COLUMNS.id == row["id"]).values(changes))
        return Receipt(row["id"], changes.get("state", row["state"]), is_new=False)

    def lease(self, owner: str, seconds: float, most: int) -> list[StoredBreach]:
        """Lease due breaches of one workspace; the workspaces take turns.

        New ones go first, then those that are due for the longest time.
        """
        with self._database.reading() as connection:  # an idle worker takes no lock
            is_due = and_(_COLUMNS.state.in_(OPEN), due(self._database.now(connection)))
            if connection.execute(select(_COLUMNS.id).where(is_due).limit(1)).first() is None:
                return []
        with self._database.writing() as connection:
            now = self._database.now(connection)
            is_due = and_(_COLUMNS.state.in_(OPEN), due(now), not_leased(now, seconds))
            if (workspace := self._turns.next(connection, is_due)) is None:
                return []
            is_own, order = _COLUMNS.workspace == workspace, (not_(IS_NEW), _COLUMNS.due_at, _COLUMNS.id)
            first = select(_COLUMNS.owner).where(is_due, is_own).order_by(*order).limit(1)
            if (oldest := connection.execute(first).first()) is None:  # another worker leased it meanwhile
                return []
            # What another worker leased and never finished may have ended that worker: it is answered alone.
            is_left = oldest.owner is not None
            fits = and_(is_own, _COLUMNS.owner.is_not(None) == is_left)
            wanted = select(BREACHES).where(is_due, fits).order_by(*order).limit(1 if is_left else most)
            rows = connection.execute(wanted.with_for_update(skip_locked=True)).mappings().all()
            return [self._leased(connection, dict(row), owner, now, seconds) for row in rows]

    def _leased(
        self, connection: Connection, row: dict[str, Any], owner: str, now: float, seconds: float
    ) -> StoredBreach:
        """Give one row to an owner. Others that are due go before it if it is leased again."""
        changes: dict[str, Any] = {
            "owner": owner,
            "leased_until": now + seconds,
            "attempts": row["attempts"] + 1,
            "due_at": now,
        }
        if row["state"] == "waiting":
            changes["state"] = "working"
        if row["owner"] is not None:
            changes["steps"] = with_steps(row["steps"], [Step(now, "taken over", f"from {row['owner']}")])
        connection.execute(update(BREACHES).where(_COLUMNS.id == row["id"]).values(changes))
        return stored(row | changes | {"state": row["state"]}, leased_at=now, was_left=row["owner"] is not None)

    def renew(self, owner: str, ids: Collection[str], seconds: float) -> int:
        """Extend the lease of breaches. Return how many this owner still has."""
        with self._database.writing() as connection:
            now = self._database.now(connection)
            rows = _locked(connection, and_(_COLUMNS.id.in_(ids), _COLUMNS.owner == owner))
            _change(connection, rows, leased_until=now + seconds)
            return len(rows)

    def release(self, owner: str) -> None:
        """Give all leases of an owner back."""
        with self._database.writing() as connection:
            _change(connection, _locked(connection, _COLUMNS.owner == owner), owner=None, leased_until=None)

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
        is_error: bool = False,
    ) -> bool:
        """Write the result of a try, and end its lease. Return False if another worker has the lease now.

        ``delay`` is the time until the next try or look, in seconds. ``notify``: people get a message.
        ``is_error``: the try failed, and is counted among the attempts.
        """
        with self._database.writing() as connection:
            now = self._database.now(connection)
            own = and_(_COLUMNS.id == id, _COLUMNS.owner == owner)
            row = connection.execute(select(BREACHES).where(own).with_for_update()).mappings().first()
            if row is None:
                return False
            was_delivered_again = row["state"] == "waiting"  # while it was answered
            before = json.loads(row["outcome"]) if is_error else {}
            begun = {BEGUN: before[BEGUN]} if BEGUN in before else {}
            changes: dict[str, Any] = {
                "outcome": json.dumps({**outcome, **begun}),
                "steps": with_steps(row["steps"], steps),
                "owner": None,
                "leased_until": None,
                "updated_at": now,
            }
            if not was_delivered_again:
                changes |= {"state": state, "due_at": now + (delay or 0.0)}
                changes |= {} if is_error or state not in OPEN else {"attempts": 0}
            if notify:
                changes |= {"notify_at": now, "notify_attempts": 0, "notified": "[]"}
            connection.execute(update(BREACHES).where(own).values(changes))
            return True

    def begin(self, owner: str, ids: Collection[str], begun: Mapping[str, Any]) -> None:
        """Write what an owner is about to push for breaches.

        It stays until a try ends without an error.
        """
        with self._database.writing() as connection:
            for row in _locked(connection, and_(_COLUMNS.id.in_(ids), _COLUMNS.owner == owner)):
                _change(connection, [row], outcome=json.dumps({**json.loads(row["outcome"]), BEGUN: dict(begun)}))

    def reopen(self, ids: Collection[str]) -> None:
        """Answer breaches with an open pull request again: others have changed their verdict.

        One that a worker answers now is answered once more afterwards.
        """
        with self._database.writing() as connection:
            now = self._database.now(connection)
            rows = _locked(connection, and_(_COLUMNS.id.in_(ids), _COLUMNS.state.in_(("working", "watching"))))
            _change(connection, rows, state="waiting", due_at=now, attempts=0)

    def end(self, ended: Iterable[tuple[str, float]]) -> list[str]:
        """Note the ends of alerts (``alert_key``, time) at their breaches. Return their ids."""
        with self._database.writing() as connection:
            now = self._database.now(connection)
            moments = dict(sorted(ended, key=lambda each: each[1]))
            own = and_(_COLUMNS.alert.in_(moments), _COLUMNS.ended_at.is_(None))
            rows = [row for row in _locked(connection, own) if row["observed_at"] <= moments[row["alert"]]]
            for row in rows:
                step = Step(now, "resolved", "the monitor reports that the alert ended")
                values = {"ended_at": moments[row["alert"]], "steps": with_steps(row["steps"], [step])}
                values |= {"due_at": now} if row["state"] == "watching" else {}
                connection.execute(update(BREACHES).where(_COLUMNS.id == row["id"]).values(values))
            return [row["id"] for row in rows]

    def forget(self, older_than: float) -> int:
        """Delete finished breaches that did not change for so many seconds. Return their number."""
        with self._database.writing() as connection:
            limit = self._database.now(connection) - older_than
            old = and_(_COLUMNS.state.not_in(OPEN), _COLUMNS.updated_at < limit, _COLUMNS.notify_at.is_(None))
            return connection.execute(delete(BREACHES).where(old)).rowcount


def _locked(connection: Connection, fits: ColumnElement[bool]) -> Sequence[RowMapping]:
    """Lock the rows that fit.

    The order is that of ``add``, so that no two writers wait for each other.
    """
    wanted = select(BREACHES).where(fits).order_by(_COLUMNS.key).with_for_update()
    return connection.execute(wanted).mappings().all()


def _change(connection: Connection, rows: Sequence[RowMapping], **values: Any) -> None:
    connection.execute(update(BREACHES).where(_COLUMNS.id.in_([row["id"] for row in rows])).values(values))
