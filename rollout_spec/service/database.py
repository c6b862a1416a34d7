"""The database of the inbox: its table, its version, and connections to SQLite or PostgreSQL."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

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
    func,
    insert,
    inspect,
    select,
)
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from rollout_spec.core import redaction
from rollout_spec.core.errors import OUTSIDE, UserError
from rollout_spec.core.text import one_line
from rollout_spec.service.sqlite_file import create_file, open_engine

VERSION = 1
"""The version of the table. A release that changes the table raises it."""
_BUSY_SECONDS = 5.0
_LOCK = 7_311_920_215
"""The advisory lock under which the tables are created."""
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
        url = _parsed(address)
        self._file = Path(url.database or "").absolute() if url.get_backend_name() == "sqlite" else None
        self._writer = Lock()
        self._engine = _postgresql(url) if self._file is None else open_engine(self._file, _BUSY_SECONDS)

    @property
    def is_sqlite(self) -> bool:
        """Whether it is a file that one machine uses."""
        return self._file is not None

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Open a transaction that writes: all of it is on disk at the end, or nothing."""
        connect = self._engine.execution_options(writes=True).connect
        with self._turn(), _as_database_error(), connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Let one thread of this process write to a file at a time.

        SQLite has no queue: of many writers that try again and again, one may wait too long.
        """
        if not self.is_sqlite:
            yield
            return
        if not self._writer.acquire(timeout=2 * _BUSY_SECONDS):
            raise DatabaseError("the inbox cannot be used: another thread writes to it", status=OUTSIDE)
        try:
            yield
        finally:
            self._writer.release()

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
        if self._file is not None:
            create_file(self._file)
        with self.writing() as connection:
            if not self.is_sqlite:  # another replica may start at the same time
                connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
            if not inspect(connection).has_table(VERSIONS.name):
                _metadata.create_all(connection)
                connection.execute(insert(VERSIONS).values(version=VERSION))
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


def _parsed(address: str) -> URL:
    """Return an address. UserError if it is not valid, or of another database."""
    try:
        url = make_url(address)
        redaction.learn(str(url.password or ""))
        backend = url.get_backend_name()
    except ArgumentError:
        url, backend = None, ""
    if url is None or (backend == "sqlite" and url.database in (None, "", ":memory:")):
        hint = "write `sqlite:///PATH` or `postgresql://USER@HOST/NAME`"
        raise UserError("the address of the inbox is not valid", hint=hint)
    if backend not in ("sqlite", "postgresql"):
        raise UserError(f"the inbox cannot be in {backend}", hint="use SQLite or PostgreSQL")
    return url


def _postgresql(url: URL) -> Engine:
    try:
        from rollout_spec.service.postgresql import open_postgresql
    except ModuleNotFoundError as error:
        raise UserError(
            f"the inbox needs the library {error.name}", hint="pip install 'rollout-spec[serve,postgresql]'"
        ) from None
    return open_postgresql(url)


@contextmanager
def _as_database_error() -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        origin = getattr(error, "orig", None) or error
        message = one_line(str(origin).partition("\n")[0], 200)
        raise DatabaseError(f"the inbox cannot be used: {message}", status=OUTSIDE) from None
