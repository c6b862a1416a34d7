"""The database of the inbox: its table, its version, and connections to SQLite or PostgreSQL."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Engine,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    event,
    func,
    insert,
    inspect,
    select,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, IntegrityError, NoSuchModuleError, SQLAlchemyError

from rollout_spec.core import redaction
from rollout_spec.core.errors import OUTSIDE, UserError
from rollout_spec.core.text import one_line

VERSION = 1
"""The version of the table. A release that changes the table raises it."""
_BUSY_SECONDS = 5.0
_IMPATIENT_SECONDS, _LOOK_SECONDS = 2.0, 0.0005
_metadata = MetaData()
VERSIONS = Table("rollout_spec_version", _metadata, Column("version", Integer, primary_key=True))
BREACHES = Table(
    "rollout_spec_breaches",
    _metadata,
    Column("id", String(32), primary_key=True),
    Column("key", String(64), nullable=False, unique=True),
    Column("alert", String(64), nullable=False),
    Column("workspace", String(64), nullable=False),
    Column("monitor", String(64), nullable=False),
    Column("rollout", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("dry_run", Boolean, nullable=False),
    Column("breach", Text),
    Column("received_at", Float, nullable=False),
    Column("observed_at", Float, nullable=False),
    Column("updated_at", Float, nullable=False),
    Column("due_at", Float, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("arrivals", Integer, nullable=False),
    Column("owner", String(64)),
    Column("leased_until", Float),
    Column("outcome", Text, nullable=False),
    Column("steps", Text, nullable=False),
    Column("ended_at", Float),
    Column("notify_at", Float),
    Column("notify_attempts", Integer, nullable=False),
    Column("notified", Text, nullable=False),
    Index("rollout_spec_due", "state", "due_at"),
    Index("rollout_spec_received", "received_at"),
    Index("rollout_spec_alert", "alert"),
    Index("rollout_spec_notify", "notify_at"),
)


class DatabaseError(UserError):
    """The database does not answer, is full, or refuses. The same request may succeed later."""


class Database:
    """Connections to one database. ``address`` is ``sqlite:///PATH`` or ``postgresql://…``."""

    def __init__(self, address: str) -> None:
        self._engine = _engine(address)
        self.is_sqlite = self._engine.dialect.name == "sqlite"

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Open a transaction that writes: all of it is on disk at the end, or nothing."""
        connect = self._engine.execution_options(writes=True).connect
        with _as_database_error(), connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a transaction that only reads. It waits for no writer."""
        with _as_database_error(), self._engine.connect() as connection, connection.begin():
            yield connection

    def now(self, connection: Connection) -> float:
        """Return the database's time in seconds since 1970, so that the clocks of replicas may differ."""
        if self.is_sqlite:
            return time.time()
        return float(connection.execute(select(func.extract("epoch", func.clock_timestamp()))).scalar_one())

    def prepare(self) -> None:
        """Create the tables if they are missing. UserError if another release made them."""
        with _as_database_error():
            if inspect(self._engine).has_table(VERSIONS.name):
                self._check_version()
                return
            try:
                _metadata.create_all(self._engine)
                with self.writing() as connection:
                    connection.execute(insert(VERSIONS).values(version=VERSION))
            except (IntegrityError, DatabaseError):  # another replica created them meanwhile
                self._check_version()

    def _check_version(self) -> None:
        with self.reading() as connection:
            versions = list(connection.execute(select(VERSIONS.c.version)).scalars())
        if versions != [VERSION]:
            actual = ", ".join(map(str, versions)) or "none"
            raise UserError(
                f"the tables of the inbox have version {actual}, but this release needs version {VERSION}",
                hint="finish or export the open breaches, drop the tables rollout_spec_*, and start again",
            )

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()


def _engine(address: str) -> Engine:
    try:
        url = make_url(address)
        redaction.learn(str(url.password or ""))
        if url.get_backend_name() == "sqlite" and url.database:
            Path(url.database).absolute().parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if url.get_backend_name() == "postgresql":
            url = url.set(drivername="postgresql+psycopg")
        engine = create_engine(url, **_options(url.get_backend_name()))
    except (ArgumentError, NoSuchModuleError):
        raise UserError(
            "the address of the inbox is not valid", hint="write `sqlite:///PATH` or `postgresql://USER@HOST/NAME`"
        ) from None
    except ModuleNotFoundError as error:
        raise UserError(
            f"the inbox needs the library {error.name}", hint="pip install 'rollout-spec[serve,postgresql]'"
        ) from None
    except OSError as error:
        raise UserError(f"the folder of the inbox cannot be created: {error.strerror}") from None
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _options(backend: str) -> dict[str, Any]:
    if backend == "sqlite":
        return {"connect_args": {"timeout": _BUSY_SECONDS, "check_same_thread": False}}
    if backend == "postgresql":
        settings = "-c statement_timeout=10000 -c lock_timeout=5000 -c idle_in_transaction_session_timeout=30000"
        return {"pool_pre_ping": True, "connect_args": {"connect_timeout": 5, "options": settings}}
    raise UserError(f"the inbox cannot be in {backend}", hint="use SQLite or PostgreSQL")


def _set_up_sqlite(connection: Any, _: Any) -> None:
    """Make each commit durable before it returns, and let readers and one writer work at once."""
    connection.isolation_level = None  # transactions begin in `_begin_sqlite`, not in the driver
    for setting in ("journal_mode=WAL", "synchronous=FULL", f"busy_timeout={int(_BUSY_SECONDS * 1000)}"):
        connection.execute(f"PRAGMA {setting}")


def _begin_sqlite(connection: Connection) -> None:
    if not connection.get_execution_options().get("writes", False):
        connection.exec_driver_sql("BEGIN")
    elif not _begin_soon(connection.connection.dbapi_connection):
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _begin_soon(connection: Any) -> bool:
    """Begin to write as soon as the other process ends its transaction. Return False if that takes long.

    SQLite itself looks only every 0.1 s after a while, and so would rarely meet a gap between many short transactions.
    """
    end = time.monotonic() + _IMPATIENT_SECONDS
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
        connection.execute(f"PRAGMA busy_timeout={int(_BUSY_SECONDS * 1000)}")


@contextmanager
def _as_database_error() -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        origin = getattr(error, "orig", None) or error
        message = one_line(str(origin).partition("\n")[0], 200)
        raise DatabaseError(f"the inbox cannot be used: {message}", status=OUTSIDE) from None
