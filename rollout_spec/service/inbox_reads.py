"""The questions that the inbox answers without a lock."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import ColumnElement, and_, func, not_, or_, select, tuple_

from rollout_spec.core.breach import Breach
from rollout_spec.core.errors import UserError
from rollout_spec.service.breach_json import from_json
from rollout_spec.service.database import BREACHES, Database
from rollout_spec.service.records import UNFINISHED, StoredBreach
from rollout_spec.service.rows import stored, with_end

_COLUMNS = BREACHES.c
_PAGE = 100


class InboxReads:
    """The reading part of the inbox. Every method is one transaction; DatabaseError if it fails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, id: str) -> StoredBreach | None:
        """Return one breach, None if absent."""
        with self._database.reading() as connection:
            row = connection.execute(select(BREACHES).where(_COLUMNS.id == id)).mappings().first()
        return stored(dict(row)) if row is not None else None

    def newest(
        self,
        workspaces: Collection[str],
        most: int = _PAGE,
        state: str | None = None,
        rollout: str | None = None,
        before: str | None = None,
    ) -> list[StoredBreach]:
        """Return the newest breaches of some workspaces.

        ``before`` is the id of the last breach of the previous page.
        """
        fits: list[ColumnElement[bool]] = [_COLUMNS.workspace.in_(workspaces)]
        fits += [_COLUMNS.state == state] if state else []
        fits += [_COLUMNS.rollout == rollout] if rollout else []
        order = (_COLUMNS.received_at.desc(), _COLUMNS.id.desc())
        with self._database.reading() as connection:
            if before is not None:
                own = and_(_COLUMNS.id == before, _COLUMNS.workspace.in_(workspaces))
                last = connection.execute(select(_COLUMNS.received_at, _COLUMNS.id).where(own)).one_or_none()
                if last is None:
                    raise UserError(f"no breach {before} to go on from", hint="leave `before` out")
                fits.append(tuple_(_COLUMNS.received_at, _COLUMNS.id) < (last.received_at, last.id))
            wanted = select(BREACHES).where(*fits).order_by(*order).limit(most)
            return [stored(dict(row)) for row in connection.execute(wanted).mappings()]

    def recent(self, workspace: str, observed_after: float) -> list[Breach]:
        """Return the breaches of a workspace that were observed after a time and can be answered.

        A worker reads all of them for each batch, so only what a shared cause needs is read.
        """
        fits = and_(_of(workspace, observed_after), _COLUMNS.state != "refused", _COLUMNS.breach.is_not(None))
        with self._database.reading() as connection:
            rows = connection.execute(select(_COLUMNS.breach, _COLUMNS.ended_at).where(fits)).all()
        return [with_end(from_json(row.breach), row.ended_at) for row in rows]

    def unaware(self, workspace: str, observed_after: float, guard: str) -> set[str]:
        """Return the ids of breaches that automation acts on, or a worker answers now, without a guard."""
        lacks = not_(_COLUMNS.outcome.contains(f'"guard": "{guard}"', autoescape=True))
        acts = and_(_COLUMNS.state == "watching", _COLUMNS.outcome.contains('"verdict": "act"', autoescape=True))
        fits = and_(_of(workspace, observed_after), lacks, or_(_COLUMNS.state == "working", acts))
        with self._database.reading() as connection:
            return set(connection.execute(select(_COLUMNS.id).where(fits)).scalars())

    def backlog(self) -> tuple[int, float]:
        """Return the number of unfinished breaches, and the age of the oldest one in seconds."""
        wanted = select(func.count(), func.min(_COLUMNS.received_at)).where(_COLUMNS.state.in_(UNFINISHED))
        with self._database.reading() as connection:
            count, oldest = connection.execute(wanted).one()
            return count, max(0.0, self._database.now(connection) - oldest) if oldest is not None else 0.0


def _of(workspace: str, observed_after: float) -> ColumnElement[bool]:
    """Return the condition of rows of a workspace that count for others: they were observed after a time."""
    newer = _COLUMNS.observed_at >= observed_after
    return and_(_COLUMNS.workspace == workspace, newer, _COLUMNS.dry_run.is_(False))
