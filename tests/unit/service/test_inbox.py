"""The inbox on SQLite: leases, takeovers, repeated deliveries, and the version of its tables."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

pytest.register_assert_rewrite("inbox_cases", "inbox_deliveries")

from inbox_cases import *  # noqa: E402, F403
from inbox_cases import lease, new  # noqa: E402
from inbox_deliveries import *  # noqa: E402, F403

from rollout_spec.core.errors import UserError  # noqa: E402
from rollout_spec.service.database import Database, DatabaseError  # noqa: E402
from rollout_spec.service.inbox import Inbox  # noqa: E402


def test_only_its_owner_can_read_the_file(inbox: Inbox, tmp_path: Path) -> None:
    assert stat.S_IMODE((tmp_path / "inbox.sqlite3").stat().st_mode) == 0o600


def test_a_removed_file_is_not_created_again(inbox: Inbox, tmp_path: Path) -> None:
    (receipt,) = inbox.add([new()])
    file, aside = tmp_path / "inbox.sqlite3", tmp_path / "aside"
    file.rename(aside)
    for use in (lambda: inbox.add([new("b")]), lambda: lease(inbox), inbox.backlog):
        with pytest.raises(DatabaseError, match="unable to open database file"):
            use()
    assert not file.exists()
    aside.rename(file)
    assert [each.id for each in lease(inbox)] == [receipt.id]


@pytest.mark.parametrize("address", ["sqlite://", "sqlite:///:memory:", "mysql://a@b/c", "nonsense", ""])
def test_an_address_of_no_durable_database_is_refused(address: str) -> None:
    with pytest.raises(UserError, match=r"the inbox cannot be in mysql|the address of the inbox is not valid"):
        Database(address)
