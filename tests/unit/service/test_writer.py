"""The writer stores the breaches of many posts together; one that cannot be stored harms no other."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread
from typing import Any
from unittest import mock

from rollout_spec.core.errors import UserError
from rollout_spec.service.database import Database
from rollout_spec.service.inbox import Inbox
from rollout_spec.service.records import NewBreach, Receipt
from rollout_spec.service.writer import Writer


class PoisonedInbox(Inbox):
    """An inbox that a breach of the monitor `poison` breaks."""

    def __init__(self) -> None:
        self.batches: list[int] = []

    def add(self, breaches: Any) -> list[Receipt]:
        self.batches.append(len(breaches))
        if any(each.monitor == "poison" for each in breaches):
            raise ValueError("cannot be stored")
        return [Receipt(each.monitor, "waiting", is_new=True) for each in breaches]


async def stored(inbox: Inbox, *monitors: str) -> list[Any]:
    writer = Writer(inbox, lambda: None)
    posts = [asyncio.ensure_future(writer.store([NewBreach("workspace", each, None)])) for each in monitors]
    await asyncio.sleep(0)  # so that all of them wait before the writer begins
    task = asyncio.ensure_future(writer.run())
    results = await asyncio.gather(*posts, return_exceptions=True)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    return results


def test_one_post_that_cannot_be_stored() -> None:
    inbox = PoisonedInbox()
    first, poison, last = asyncio.run(stored(inbox, "first", "poison", "last"))
    assert (first[0].id, last[0].id) == ("first", "last")
    assert isinstance(poison, ValueError)
    assert inbox.batches == [3, 1, 1, 1]


def test_an_inbox_that_does_not_answer_is_asked_once() -> None:
    inbox = PoisonedInbox()
    with mock.patch.object(inbox, "add", side_effect=UserError("it is full")) as add:
        assert {str(each) for each in asyncio.run(stored(inbox, "first", "last"))} == {"it is full"}
    assert add.call_count == 1


def test_a_batch_is_bounded() -> None:
    inbox = PoisonedInbox()
    asyncio.run(stored(inbox, *map(str, range(1200))))
    assert inbox.batches == [500, 500, 200]


def test_a_transaction_begins_as_soon_as_the_other_one_ended(tmp_path: Path) -> None:
    address = f"sqlite:///{tmp_path}/inbox.sqlite3"
    own, other = Database(address), Database(address)
    own.prepare()

    def waited() -> float:
        """Return the time from the end of another transaction. SQLite looks after 328 and 428 ms, and not between."""
        held, ended = Event(), list[float]()

        def hold() -> None:
            with other.writing():
                held.set()
                time.sleep(0.34)
                ended.append(time.perf_counter())

        thread = Thread(target=hold)
        thread.start()
        held.wait()
        with own.writing():
            began = time.perf_counter()
        thread.join()
        return began - ended[0]

    assert min(waited() for _ in range(4)) < 0.05
    own.close()
    other.close()
