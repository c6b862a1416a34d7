"""Temporary storage on disk: ids that were read, and halves of records that wait for the other half."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from rollout_spec.core.errors import OUTSIDE, UserError

MOST_BYTES = 8 * 1024**3
_PAGE = 4096
_CACHE_KIB = 32 * 1024


class Scratch:
    """A temporary SQLite database: in memory up to 32 MiB, then on disk."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._key = os.urandom(16)
        self._database = sqlite3.connect("", isolation_level=None)
        for setting in (f"page_size={_PAGE}", "journal_mode=OFF", f"cache_size=-{_CACHE_KIB}"):
            self._database.execute(f"PRAGMA {setting}")
        self._database.execute(f"PRAGMA max_page_count={most_bytes // _PAGE}")
        self._database.execute("CREATE TABLE seen (digest INTEGER PRIMARY KEY)")
        self._database.execute("CREATE TABLE waiting (side TEXT, id TEXT, body TEXT, PRIMARY KEY (side, id))")
        self._database.execute("BEGIN")

    def close(self) -> None:
        """Delete the storage."""
        self._database.close()

    def is_new(self, request_id: str) -> bool:
        """Return whether an id was not asked for before, and remember it."""
        digest = hashlib.blake2b(request_id.encode(), digest_size=8, key=self._key).digest()
        with self._bounded():
            statement = "INSERT OR IGNORE INTO seen VALUES (?)"
            return self._database.execute(statement, (int.from_bytes(digest, signed=True),)).rowcount == 1

    def keep(self, side: str, half_id: str, body: str) -> bool:
        """Keep a half of a record until it is taken. Return False if the side has one with this id."""
        with self._bounded():
            statement = "INSERT OR IGNORE INTO waiting VALUES (?, ?, ?)"
            return self._database.execute(statement, (side, half_id, body)).rowcount == 1

    def take(self, side: str, half_id: str) -> str | None:
        """Return and forget a half, None if there is none."""
        statement = "DELETE FROM waiting WHERE side = ? AND id = ? RETURNING body"
        found: list[tuple[str]] = self._database.execute(statement, (side, half_id)).fetchall()
        return found[0][0] if found else None

    def look(self, side: str, half_id: str) -> str | None:
        """Return a half without forgetting it, None if there is none."""
        statement = "SELECT body FROM waiting WHERE side = ? AND id = ?"
        found: tuple[str] | None = self._database.execute(statement, (side, half_id)).fetchone()
        return found[0] if found else None

    def rest(self, side: str) -> Iterator[str]:
        """Yield the halves that were not taken, in the order in which they came."""
        rows = self._database.execute("SELECT body FROM waiting WHERE side = ? ORDER BY rowid", (side,))
        yield from (body for (body,) in rows)

    @contextmanager
    def _bounded(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            gigabytes = self._most_bytes / 1024**3
            message = f"the log cannot be joined within {gigabytes:g} GiB of temporary space: {error}"
            hint = "name a smaller part of the log, or free space in TMPDIR"
            raise UserError(message, hint=hint, status=OUTSIDE) from None
