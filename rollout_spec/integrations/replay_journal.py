"""The journal of a replay: each replayed request once, in SQLite. A killed run goes on from it."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, get_args

from rollout_spec.core.divergence import Arm
from rollout_spec.core.errors import OUTSIDE, UserError, disk_error
from rollout_spec.core.inference import Tensor
from rollout_spec.core.replay import FAILURES, ReplayedAnswer, ReplayedRequest, ReplayFailure
from rollout_spec.core.text import excerpt

_FORMAT = 1
_SECONDS = 1.0
"""The longest time between two commits: a killed process loses at most the answers of this time."""
_TABLES = """
CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE request (
    arm TEXT, request_id TEXT, position INTEGER NOT NULL, segment TEXT, label TEXT, weight REAL NOT NULL,
    logged TEXT NOT NULL, logged_ms REAL, failure TEXT, message TEXT, replayed TEXT, replayed_ms REAL,
    PRIMARY KEY (arm, request_id)
) WITHOUT ROWID;
"""
_INSERT = "INSERT OR IGNORE INTO request VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


class ReplayJournal:
    """An open journal, which no other process can open. One thread uses it."""

    def __init__(self, database: sqlite3.Connection, path: Path) -> None:
        self._database, self._path = database, path
        self._committed = time.monotonic()

    def position_of(self, arm: Arm, request_id: str) -> int | None:
        """Return the position of a replayed request, None if it was not replayed."""
        statement = "SELECT position FROM request WHERE arm = ? AND request_id = ?"
        found = self._database.execute(statement, (arm, _storable(request_id))).fetchone()
        return int(found[0]) if found else None

    def count(self) -> int:
        """Return the number of replayed requests."""
        return int(self._database.execute("SELECT count(*) FROM request").fetchone()[0])

    def add(self, request: ReplayedRequest) -> None:
        """Add a replayed request. It is durable after the next commit."""
        facts = (
            request.arm,
            _storable(request.request_id),
            request.position,
            None if request.segment is None else _storable(request.segment),
            None if request.label is None else _json(list(request.label)),
            request.weight,
            _json(list(map(_fields, request.logged))),
            request.logged_ms,
        )
        with self._writing():
            self._database.execute(_INSERT, facts + _outcome_columns(request.outcome))
        self.commit_if_due()

    def commit_if_due(self) -> None:
        """Commit if the last commit is a second ago."""
        if time.monotonic() - self._committed >= _SECONDS:
            self.commit()

    def commit(self) -> None:
        """Make all added requests durable."""
        with self._writing():
            self._database.commit()
        self._committed = time.monotonic()

    def requests(self) -> Iterator[ReplayedRequest]:
        """Yield all replayed requests in the order of the logs."""
        self.commit()
        cursor = self._database.execute("SELECT * FROM request ORDER BY position")
        for row in cursor:
            try:
                yield _request(row)
            except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
                raise _not_a_journal(self._path) from None

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            message = f"cannot write the journal {excerpt(str(self._path))}: {error}"
            raise UserError(message, hint="free some space there, then run it again", status=OUTSIDE) from None


@contextmanager
def open_journal(path: Path, identity: Mapping[str, str]) -> Iterator[ReplayJournal]:
    """Open or create a journal. UserError if it belongs to another replay, or another process uses it.

    ``identity`` names all that decides the answers: the logs, the server, the versions and the options.
    """
    _create(path)
    database = _connected(path)
    try:
        _check(database, path, identity)
        journal = ReplayJournal(database, path)
        try:
            yield journal
        finally:
            journal.commit()
    finally:
        database.close()


def _create(path: Path) -> None:
    """Create an empty file that only its owner can read, unless it exists."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
        try:
            is_file = stat.S_ISREG(os.fstat(handle).st_mode)
        finally:
            os.close(handle)
    except OSError as error:
        raise disk_error(error, f"cannot open the journal {excerpt(str(path))}") from None
    if not is_file:
        raise UserError(f"{excerpt(str(path))} is not a file", hint="choose another --journal")


def _connected(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=0.5)
    try:
        tables = _tables(database)
        if tables and not tables >= {"about", "request"}:
            raise sqlite3.DatabaseError  # the settings below would change the file of another program
        for setting in ("locking_mode=EXCLUSIVE", "journal_mode=WAL", "synchronous=NORMAL", "trusted_schema=OFF"):
            database.execute(f"PRAGMA {setting}")
        database.execute("BEGIN IMMEDIATE")
        database.commit()
    except sqlite3.DatabaseError as error:
        database.close()
        if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY:
            message = f"another replay uses the journal {excerpt(str(path))}"
            raise UserError(message, hint="wait for it, or choose another --journal") from None
        raise _not_a_journal(path) from None
    return database


def _tables(database: sqlite3.Connection) -> set[str]:
    return {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def _check(database: sqlite3.Connection, path: Path, identity: Mapping[str, str]) -> None:
    """Write the identity into a new journal, or compare it with that of an old one."""
    expected = {"format": str(_FORMAT), **identity}
    try:
        if not _tables(database):
            database.execute("BEGIN IMMEDIATE")
            with database:
                for statement in filter(str.strip, _TABLES.split(";")):
                    database.execute(statement)
                database.executemany("INSERT INTO about VALUES (?, ?)", expected.items())
            return
        found = dict(database.execute("SELECT name, value FROM about"))
        database.execute("SELECT replayed_ms FROM request LIMIT 1")
    except sqlite3.Error:
        raise _not_a_journal(path) from None
    for name, value in expected.items():
        if found.get(name) != value:
            was = excerpt(str(found.get(name)), 200)
            message = f"the journal {excerpt(str(path))} belongs to another replay: its {name} was {was}, now {value}"
            raise UserError(message, hint="choose another --journal, or remove this one to begin again")


def _not_a_journal(path: Path) -> UserError:
    return UserError(f"{excerpt(str(path))} is not a journal of a replay", hint="choose another --journal")


def _outcome_columns(outcome: ReplayedAnswer | ReplayFailure) -> tuple[Any, ...]:
    """Return the last four columns: the failure and its message, or the answer and its time."""
    if isinstance(outcome, ReplayFailure):
        return outcome.kind, outcome.message, None, None
    return None, None, _json(list(map(_fields, outcome.outputs))), outcome.latency_ms


def _request(row: tuple[Any, ...]) -> ReplayedRequest:
    arm, request_id, position, segment, label, weight, logged, logged_ms, failure, message, replayed, replayed_ms = row
    if arm not in get_args(Arm) or (failure is not None and failure not in FAILURES):
        raise ValueError
    outcome: ReplayedAnswer | ReplayFailure
    outcome = ReplayFailure(failure, message) if failure else ReplayedAnswer(_tensors(replayed), float(replayed_ms))
    labels = None if label is None else tuple(json.loads(label))
    return ReplayedRequest(
        arm, position, request_id, _tensors(logged), outcome, logged_ms, segment, labels, float(weight)
    )


def _tensors(text: str) -> tuple[Tensor, ...]:
    tensors = (Tensor(name, datatype, tuple(shape), data) for name, datatype, shape, data in json.loads(text))
    return tuple(tensors)


def _fields(tensor: Tensor) -> list[Any]:
    return [tensor.name, tensor.datatype, list(tensor.shape), list(tensor.data)]


def _json(value: list[Any]) -> str:
    return json.dumps(value, separators=(",", ":"))


def _storable(text: str) -> str:
    """Return a text that SQLite can store: halves of characters become `?`."""
    return text.encode("utf-8", "replace").decode()
