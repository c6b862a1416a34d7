"""Tests of repeated deliveries that hold on SQLite and on PostgreSQL: a test file imports them all."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from inbox_cases import START, finish, lease, new, row, set_columns

from rollout_spec.service.database import Database
from rollout_spec.service.inbox import Inbox
from rollout_spec.service.records import alert_key


def test_a_repeated_delivery_is_counted_at_the_first(inbox: Inbox) -> None:
    first, again = inbox.add([new(), new()])
    assert (first.is_new, again.is_new, again.id) == (True, False, first.id)
    assert inbox.add([new()])[0].id == first.id
    assert (row(inbox, first.id).arrivals, row(inbox, first.id).state) == (3, "waiting")


@pytest.mark.parametrize("state", ["done", "watching"])
def test_an_alert_that_fires_again_later_is_answered_again(inbox: Inbox, database: Database, state: str) -> None:
    (receipt,) = inbox.add([new()])
    lease(inbox)
    finish(inbox, receipt.id, state)
    set_columns(database, receipt.id, received_at=1.0, updated_at=1.0, ended_at=5.0)
    inbox.add([new()])
    assert row(inbox, receipt.id).state == state, "the same start is not answered again"
    set_columns(database, receipt.id, updated_at=1.0)
    assert inbox.add([new(at=START + timedelta(days=1))])[0].state == "waiting"
    again = row(inbox, receipt.id)
    assert again.breach is not None and again.breach.observed_at == START + timedelta(days=1)
    assert again.ended_at is None
    assert again.received_at > 1.0, "its age begins anew"
    assert [each.id for each in lease(inbox)] == [receipt.id]


def test_an_alert_that_fires_again_before_its_answer_is_the_newer_one(inbox: Inbox) -> None:
    (receipt,) = inbox.add([new()])
    ended = [(alert_key("acme", "alertmanager-a-1700000000"), START.timestamp() + 60)]
    assert inbox.end(ended) == [receipt.id]
    assert row(inbox, receipt.id).ended_at is not None
    inbox.add([new(at=START + timedelta(minutes=5))])
    (leased,) = lease(inbox)
    assert leased.ended_at is None
    assert leased.breach is not None and leased.breach.observed_at == START + timedelta(minutes=5)


def test_an_old_delivery_that_comes_late_changes_nothing(inbox: Inbox) -> None:
    (receipt,) = inbox.add([new(at=START + timedelta(days=1))])
    lease(inbox)
    finish(inbox, receipt.id)
    assert inbox.add([new(at=START)])[0].state == "done"


def test_a_start_in_the_future_does_not_hide_a_later_alert(inbox: Inbox) -> None:
    future = START + timedelta(days=365 * 50)
    (receipt,) = inbox.add([new(at=future)])
    lease(inbox)
    finish(inbox, receipt.id)
    assert inbox.add([new(at=future)])[0].state == "done", "the same alert is not answered again"
    real = datetime.now(UTC) + timedelta(seconds=2)
    assert inbox.add([new(at=real)])[0].state == "waiting"


def test_an_alert_that_fires_again_while_it_is_answered_is_answered_again(inbox: Inbox, database: Database) -> None:
    (receipt,) = inbox.add([new()])
    lease(inbox)
    inbox.add([new(at=START + timedelta(hours=1))])
    assert finish(inbox, receipt.id)
    assert row(inbox, receipt.id).state == "waiting"
    set_columns(database, receipt.id, due_at=1.0)
    assert len(lease(inbox)) == 1


def test_an_answer_without_a_pull_request_is_tried_again_at_the_next_delivery(inbox: Inbox) -> None:
    (receipt,) = inbox.add([new()])
    lease(inbox)
    assert inbox.finish("one", receipt.id, "done", {"verdict": "ignore"}, [])
    assert inbox.add([new()])[0].state == "waiting"
    assert lease(inbox) == [], "but not at once"


def test_many_threads_store_one_row(inbox: Inbox) -> None:
    with ThreadPoolExecutor(8) as pool:
        receipts = list(pool.map(lambda _: inbox.add([new("a"), new("b")]), range(50)))
    assert sum(receipt.is_new for pair in receipts for receipt in pair) == 2
    assert {each.arrivals for each in inbox.newest(["acme"])} == {50}


def test_writers_that_store_in_opposite_orders_do_not_wait_for_each_other(inbox: Inbox) -> None:
    names = [new(str(number)) for number in range(40)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: inbox.add(names if number % 2 else names[::-1]), range(40)))
    assert {each.arrivals for each in inbox.newest(["acme"])} == {40}


def test_deliveries_and_renewals_do_not_wait_for_each_other(inbox: Inbox) -> None:
    names = [new(str(number), workspace=str(number % 2)) for number in range(60)]
    ids = [receipt.id for receipt in inbox.add(names)]
    lease(inbox, most=60)
    uses: list[Callable[[], object]] = [
        lambda: inbox.add(names),
        lambda: inbox.renew("one", ids[::-1], 30.0),
        lambda: inbox.reopen(ids),
        lambda: inbox.release("one"),
    ]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: uses[number % len(uses)](), range(80)))
    assert {row(inbox, id).arrivals for id in ids} == {21}
