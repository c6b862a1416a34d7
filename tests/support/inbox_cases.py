"""Tests of the inbox that hold on SQLite and on PostgreSQL: a test file imports them all and gives the database."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import text, update

from rollout_spec.core.breach import Breach
from rollout_spec.core.errors import UserError
from rollout_spec.service.database import BREACHES, Database
from rollout_spec.service.inbox import Inbox
from rollout_spec.service.records import NewBreach, Step, StoredBreach

START = datetime(2026, 11, 20, 9, tzinfo=UTC)
LEASE = 30.0


def new(name: str = "a", *, workspace: str = "acme", at: datetime = START, **fields: object) -> NewBreach:
    """Return a breach of an alert; its start is part of its id."""
    id = f"alertmanager-{name}-{int(at.timestamp())}"
    breach = Breach(id, "alertmanager", "fraud", "42", at, trigger="latency-sla", workspace=workspace)
    return replace(NewBreach(workspace, "alertmanager", breach), **fields)  # type: ignore[arg-type]


def set_columns(database: Database, id: str, **values: object) -> None:
    """Change a row behind the inbox's back."""
    with database.writing() as connection:
        connection.execute(update(BREACHES).where(BREACHES.c.id == id).values(**values))


def end_lease(database: Database, id: str) -> None:
    """Let a lease end, as time does."""
    set_columns(database, id, leased_until=1.0)


def lease(inbox: Inbox, owner: str = "one", most: int = 20) -> list[StoredBreach]:
    return inbox.lease(owner, LEASE, most)


def finish(inbox: Inbox, id: str, state: str = "done", owner: str = "one", **options: object) -> bool:
    outcome = {"pullRequest": {"number": 1}}
    return inbox.finish(owner, id, state, outcome, [Step(1.0, "pull request", "url")], **options)  # type: ignore[arg-type]


def row(inbox: Inbox, id: str) -> StoredBreach:
    found = inbox.find(id)
    assert found is not None
    return found


def test_a_leased_breach_has_one_owner(inbox: Inbox) -> None:
    ids = {receipt.id for receipt in inbox.add([new("a"), new("b")])}
    assert {each.id for each in lease(inbox)} == ids
    assert lease(inbox, "two") == []


def test_a_lease_that_ends_is_taken_over(inbox: Inbox, database: Database) -> None:
    (receipt,) = inbox.add([new()])
    lease(inbox)
    end_lease(database, receipt.id)
    (taken,) = lease(inbox, "two")
    assert taken.was_left and taken.owner == "two" and taken.attempts == 2
    assert [each.name for each in taken.steps] == ["received", "taken over"]
    assert not finish(inbox, receipt.id)
    assert inbox.renew("one", [receipt.id], LEASE) == 0
    assert row(inbox, receipt.id).outcome == {}
    assert finish(inbox, receipt.id, owner="two")


def test_a_renewed_lease_is_not_taken_over(inbox: Inbox, database: Database) -> None:
    (receipt,) = inbox.add([new()])
    lease(inbox)
    end_lease(database, receipt.id)
    assert inbox.renew("one", [receipt.id], LEASE) == 1
    assert lease(inbox, "two") == []


def test_a_released_lease_is_free_at_once(inbox: Inbox) -> None:
    inbox.add([new()])
    lease(inbox)
    inbox.release("one")
    (again,) = lease(inbox, "two")
    assert not again.was_left


def test_a_breach_that_its_worker_left_is_answered_alone(inbox: Inbox, database: Database) -> None:
    receipts = inbox.add([new("a"), new("b"), new("c")])
    lease(inbox)
    for each in receipts:
        end_lease(database, each.id)
    (fresh,) = inbox.add([new("d")])
    batches = [[each.id for each in lease(inbox, "two")] for _ in range(5)]
    assert batches[0] == [fresh.id], "new breaches go first"
    assert [len(batch) for batch in batches] == [1, 1, 1, 1, 0]


def test_a_failing_workspace_does_not_hold_up_another(inbox: Inbox, database: Database) -> None:
    failing = inbox.add([new(str(number), workspace="failing") for number in range(30)])
    (other,) = inbox.add([new("o", workspace="other")])
    set_columns(database, other.id, attempts=3)
    for _ in range(4):
        batch = lease(inbox, most=20)
        if other.id in [each.id for each in batch]:
            break
        for each in batch:
            assert each.workspace == "failing"
            finish(inbox, each.id, "waiting", is_error=True)
    else:
        pytest.fail(f"{len(failing)} failing breaches hold another workspace up")


@pytest.mark.parametrize(("state", "attempts"), [("waiting", 0), ("waiting", 3), ("watching", 1)])
def test_a_flood_of_new_breaches_does_not_hold_up_another_workspace(
    inbox: Inbox, database: Database, state: str, attempts: int
) -> None:
    """Who has the token of one workspace posts more and more, and each batch of those is answered soon."""
    inbox.add([new(f"first-{number}", workspace="flood") for number in range(100)])
    (other,) = inbox.add([new("o", workspace="other")])
    set_columns(database, other.id, state=state, attempts=attempts)
    for turn in range(4):
        batch = lease(inbox, most=10)
        if other.id in [each.id for each in batch]:
            break
        for each in batch:
            finish(inbox, each.id, "refused")
        inbox.add([new(f"{turn}-{number}", workspace="flood") for number in range(100)])
    else:
        pytest.fail("a flood in one workspace holds another one up")


def test_new_breaches_of_any_workspace_go_before_open_pull_requests(inbox: Inbox, database: Database) -> None:
    names = [f"watched-{number}" for number in range(10)]
    for receipt in inbox.add([new("w", workspace=name) for name in names]):
        set_columns(database, receipt.id, state="watching", attempts=1)
    (fresh,) = inbox.add([new("n", workspace="fresh")])
    assert fresh.id in [each.id for _ in range(2) for each in lease(inbox)]


def test_a_breach_that_waits_for_its_next_try_is_not_leased(inbox: Inbox) -> None:
    (receipt,) = inbox.add([new()])
    lease(inbox)
    finish(inbox, receipt.id, "waiting", delay=60.0, is_error=True)
    assert lease(inbox) == []


def test_the_tries_since_the_last_success_are_counted(inbox: Inbox) -> None:
    (receipt,) = inbox.add([new()])
    for number in (1, 2, 3):
        assert lease(inbox)[0].attempts == number
        finish(inbox, receipt.id, "waiting", is_error=True)
    lease(inbox)
    finish(inbox, receipt.id, "watching")
    assert lease(inbox)[0].attempts == 1


def test_the_breaches_of_a_shared_cause_are_opened_again(inbox: Inbox) -> None:
    first, second = inbox.add([new("a"), new("b")])
    lease(inbox)
    finish(inbox, first.id, "watching", delay=60.0)
    finish(inbox, second.id, "done")
    inbox.reopen([first.id, second.id])
    assert (row(inbox, first.id).state, row(inbox, second.id).state) == ("waiting", "done")


def test_only_old_finished_breaches_are_deleted(inbox: Inbox, database: Database) -> None:
    states = {"waiting": "a", "working": "b", "watching": "c", "done": "d", "failed": "e", "refused": "f"}
    receipts = inbox.add([new(name) for name in states.values()])
    for receipt, state in zip(receipts, states, strict=True):
        set_columns(database, receipt.id, state=state, updated_at=1.0)
    assert inbox.forget(3600.0) == 3
    assert {each.state for each in inbox.newest(["acme"])} == {"waiting", "working", "watching"}
    assert inbox.forget(3600.0) == 0


def test_steps_do_not_grow_without_end(inbox: Inbox) -> None:
    (receipt,) = inbox.add([new()])
    lease(inbox)
    inbox.finish(
        "one", receipt.id, "done", {}, [Step(float(number), "tried", f"{number}" * 999) for number in range(300)]
    )
    steps = row(inbox, receipt.id).steps
    assert len(steps) == 200 and max(len(each.text) for each in steps) <= 500
    assert (steps[0].name, steps[-1].at) == ("received", 299.0)


def test_of_equal_steps_the_first_and_the_last_stay(inbox: Inbox) -> None:
    (receipt,) = inbox.add([new()])
    for number in range(5):
        lease(inbox)
        inbox.finish("one", receipt.id, "waiting", {}, [Step(float(number), "failed", "down")], is_error=True)
    assert [(each.name, each.at) for each in row(inbox, receipt.id).steps][1:] == [("failed", 0.0), ("failed", 4.0)]


def test_many_workers_lease_each_breach_once(inbox: Inbox) -> None:
    inbox.add([new(str(number)) for number in range(60)])
    with ThreadPoolExecutor(4) as pool:
        batches = list(pool.map(lambda number: inbox.lease(f"worker-{number}", LEASE, 5), range(40)))
    leased = [each.id for batch in batches for each in batch]
    assert len(leased) == len(set(leased)) == 60


def test_times_after_a_clock_that_was_set_back_do_not_hold_a_breach(inbox: Inbox, database: Database) -> None:
    (receipt,) = inbox.add([new()])
    lease(inbox)
    later = datetime.now(UTC).timestamp() + 7200
    set_columns(database, receipt.id, leased_until=later, due_at=later, updated_at=later)
    assert [each.id for each in lease(inbox, "two")] == [receipt.id]


def test_tables_of_another_release_are_refused(database: Database) -> None:
    database.prepare()
    with database.writing() as connection:
        connection.execute(text("UPDATE rollout_spec_version SET version = 99"))
    with pytest.raises(UserError, match="have version 99, but this release needs version 1"):
        database.prepare()


def test_many_replicas_create_the_tables_once(database: Database) -> None:
    with database.writing() as connection:
        connection.execute(text("DROP TABLE rollout_spec_breaches"))
        connection.execute(text("DROP TABLE rollout_spec_version"))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: database.prepare(), range(4)))
    assert Inbox(database).backlog() == (0, 0.0)


def test_what_a_worker_begins_stays_until_a_try_ends_without_an_error(inbox: Inbox, database: Database) -> None:
    (id,) = (receipt.id for receipt in inbox.add([new()]))
    lease(inbox)
    inbox.begin("another", [id], {"branch": "not-ours"})
    assert row(inbox, id).outcome == {}
    inbox.begin("one", [id], {"branch": "rollback/a"})
    end_lease(database, id)
    (taken,) = lease(inbox, "two")
    assert taken.outcome == {"begun": {"branch": "rollback/a"}}
    assert inbox.finish("two", id, "waiting", {"error": "no answer"}, [], is_error=True)
    assert row(inbox, id).outcome == {"error": "no answer", "begun": {"branch": "rollback/a"}}
    lease(inbox)
    assert finish(inbox, id)
    assert "begun" not in row(inbox, id).outcome


def test_breaches_that_know_nothing_of_a_guard_are_found_by_their_outcome(inbox: Inbox) -> None:
    names = ("acts", "knows", "drafts", "is-done", "works", "waits", "tells")
    ids = {name: inbox.add([new(name)])[0].id for name in names}
    inbox.add([new("elsewhere", workspace="other"), new("dry", dry_run=True)])
    lease(inbox)
    guard = {"reasons": [{"guard": "shared-cause", "message": "3 failed"}]}
    quoted = {"reasons": [{"guard": "age", "message": 'it is "guard": "shared-cause"'}]}
    for name, state, outcome in (
        ("acts", "watching", {"verdict": "act"}),
        ("knows", "watching", {"verdict": "act", **guard}),
        ("drafts", "watching", {"verdict": "draft"}),
        ("is-done", "done", {"verdict": "act"}),
        ("tells", "watching", {"verdict": "act", **quoted}),
        ("waits", "waiting", {"verdict": "act"}),
    ):
        assert inbox.finish("one", ids[name], state, outcome, [])  # type: ignore[arg-type]
    start = START.timestamp()
    assert inbox.unaware("acme", start, "shared-cause") == {ids["acts"], ids["tells"], ids["works"]}
    assert inbox.unaware("acme", start + 1, "shared-cause") == set()
    assert {each.id.split("-")[1] for each in inbox.recent("acme", start)} == {each.split("-")[0] for each in names}
