"""Conditions on the rows of the inbox: which are due, and which no worker has."""

from __future__ import annotations

from sqlalchemy import ColumnElement, or_

from rollout_spec.service.database import BREACHES

_COLUMNS = BREACHES.c
_CLOCK_SECONDS = 60.0
"""A time that lies further ahead than it can was written before the clock was set back."""


def due(now: float) -> ColumnElement[bool]:
    """Return the condition of rows whose time has come, or whose clock was set back."""
    return or_(_COLUMNS.due_at <= now, _COLUMNS.updated_at > now + _CLOCK_SECONDS)


def not_leased(now: float, seconds: float) -> ColumnElement[bool]:
    """Return the condition of rows without a lease: it ended, or is longer than a lease can be."""
    until = _COLUMNS.leased_until
    return or_(until.is_(None), until < now, until > now + 10 * seconds + _CLOCK_SECONDS)
