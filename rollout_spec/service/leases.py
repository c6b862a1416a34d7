"""The choice of breaches to lease: those that are due, of one workspace after the other."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, func, or_, select

from rollout_spec.service.database import BREACHES

_COLUMNS = BREACHES.c
_CLOCK_SECONDS = 60.0
"""A time that lies further ahead than it can was written before the clock was set back."""
IS_NEW = and_(_COLUMNS.state == "waiting", _COLUMNS.attempts == 0)


def due(now: float) -> ColumnElement[bool]:
    """Return the condition of rows whose time has come, or whose clock was set back."""
    return or_(_COLUMNS.due_at <= now, _COLUMNS.updated_at > now + _CLOCK_SECONDS)


def not_leased(now: float, seconds: float) -> ColumnElement[bool]:
    """Return the condition of rows without a lease: it ended, or is longer than a lease can be."""
    until = _COLUMNS.leased_until
    return or_(until.is_(None), until < now, until > now + 10 * seconds + _CLOCK_SECONDS)


class Turns:
    """The turns of workspaces: a flood of breaches in one of them must not hold up the others.

    Of two turns, one is for new breaches first. The other one is for any: retries and open pull requests go on.
    """

    def __init__(self) -> None:
        self._count = 0
        self._last: dict[str, int] = {}

    def next(self, connection: Connection, is_due: ColumnElement[bool]) -> str | None:
        """Return the next workspace, None if no row is due."""
        has_new = func.max(case((IS_NEW, 1), else_=0)).label("has_new")
        oldest = func.min(_COLUMNS.due_at).label("oldest")
        wanted = select(_COLUMNS.workspace, has_new, oldest).where(is_due).group_by(_COLUMNS.workspace)
        rows = connection.execute(wanted).all()
        if not rows:
            return None
        self._count += 1
        chosen: str = min(rows, key=self._rank).workspace
        self._last[chosen] = self._count
        return chosen

    def _rank(self, row: Any) -> tuple[float, ...]:
        last, is_for_new = self._last.get(row.workspace, 0), self._count % 2
        return (-row.has_new if is_for_new else 0, last, -row.has_new, row.oldest)
