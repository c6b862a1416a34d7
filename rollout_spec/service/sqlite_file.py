"""SQLite for the inbox: durable commits, in the file that the address names."""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import QueuePool

from rollout_spec.core.errors import OUTSIDE, disk_error

_FILE = "file"
_IMPATIENT_SECONDS, _LOOK_SECONDS = 2.0, 0.0005


def create_file(path: Path) -> None:
    """Create an empty file that only its owner can read, unless it exists. UserError if that fails."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise disk_error(error, f"the inbox {path} cannot be created", status=OUTSIDE) from None


def open_engine(path: Path, busy_seconds: float) -> Engine:
    """Return an engine for a file that exists. It never creates the file again if somebody removes it.

    What is stored in a new file would be lost once the old one is back, and what is stored in a removed one at the end
    of this process.
    """
    address = f"file:{quote(str(path))}?mode=rw"

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(address, timeout=busy_seconds, uri=True, check_same_thread=False)
        try:
            _set_up(connection, busy_seconds)
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def remember(connection: Any, record: Any) -> None:
        record.info[_FILE] = _identity(path)

    def check(connection: Any, record: Any, proxy: Any) -> None:
        if record.info[_FILE] != _identity(path):
            raise DisconnectionError("the file was removed or replaced")

    engine = create_engine("sqlite+pysqlite://", creator=connect, poolclass=QueuePool)
    event.listen(engine, "connect", remember)
    event.listen(engine, "checkout", check)
    event.listen(engine, "begin", _begin)
    return engine


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _set_up(connection: sqlite3.Connection, busy_seconds: float) -> None:
    """Make each commit durable before it returns, and let readers and one writer work at once."""
    connection.isolation_level = None  # transactions begin in `_begin`, not in the driver
    for setting in (f"busy_timeout={int(busy_seconds * 1000)}", "journal_mode=WAL", "synchronous=FULL"):
        connection.execute(f"PRAGMA {setting}")


def _begin(connection: Connection) -> None:
    if not connection.get_execution_options().get("writes", False):
        connection.exec_driver_sql("BEGIN")
    elif not _begin_soon(connection.connection.dbapi_connection):
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _begin_soon(connection: Any) -> bool:
    """Begin to write as soon as the other process ends its transaction. Return False if that takes long.

    SQLite itself looks only every 0.1 s after a while, and so would rarely meet a gap between many short transactions.
    """
    end = time.monotonic() + _IMPATIENT_SECONDS
    (usual,) = connection.execute("PRAGMA busy_timeout").fetchone()
    connection.execute("PRAGMA busy_timeout=0")
    try:
        while time.monotonic() < end:
            try:
                connection.execute("BEGIN IMMEDIATE")
                return True
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                    return False  # the usual way reports it
                time.sleep(_LOOK_SECONDS)
        return False
    finally:
        connection.execute(f"PRAGMA busy_timeout={usual}")
