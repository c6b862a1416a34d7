"""The inbox on PostgreSQL: what holds on SQLite, and times by the clock of the server."""

from __future__ import annotations

import time
from collections.abc import Iterator
from unittest import mock

import pytest
from postgres import Postgres

pytest.register_assert_rewrite("inbox_cases", "inbox_deliveries")

from inbox_cases import *  # noqa: E402, F403
from inbox_cases import lease, new  # noqa: E402
from inbox_deliveries import *  # noqa: E402, F403

from rollout_spec.service.database import Database, DatabaseError  # noqa: E402
from rollout_spec.service.inbox import Inbox  # noqa: E402

pytestmark = [pytest.mark.system, pytest.mark.real]


@pytest.fixture
def database(server: Postgres) -> Iterator[Database]:
    database = Database(server.fresh())
    database.prepare()
    yield database
    database.close()


@pytest.fixture
def inbox(database: Database) -> Inbox:
    return Inbox(database)


@pytest.mark.parametrize("ahead", [86400.0, -86400.0])
def test_the_clock_of_a_replica_does_not_matter(inbox: Inbox, ahead: float) -> None:
    """Inject a replica whose clock is a day ahead or behind."""
    (receipt,) = inbox.add([new()])
    real = time.time
    with mock.patch("time.time", lambda: real() + ahead):
        (leased,) = lease(inbox, "skewed")
        assert leased.age < 60
        assert inbox.renew("skewed", [receipt.id], 30.0) == 1
    assert lease(inbox, "two") == []


def test_a_server_that_was_stopped_is_used_again(server: Postgres, inbox: Inbox) -> None:
    """Inject a crash of PostgreSQL between two transactions."""
    (receipt,) = inbox.add([new()])
    server.stop()
    try:
        with pytest.raises(DatabaseError):
            inbox.backlog()
    finally:
        server.start()
    assert [each.id for each in lease(inbox)] == [receipt.id]
