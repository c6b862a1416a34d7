"""The writer: stores the breaches of many posts in one transaction.

Each transaction waits for the disk, so one for each post would be slow.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from rollout_spec.core.errors import OUTSIDE, UserError
from rollout_spec.service.inbox import Inbox
from rollout_spec.service.records import NewBreach, Receipt

_MOST = 500
_MOST_WAITING = 5_000
_MOST_SECONDS = 10.0
"""The time until a breach must be on disk. Monitors wait for little longer, and send it again."""

_Waiting = tuple[list[NewBreach], asyncio.Future[list[Receipt]]]


class Writer:
    """One task that stores breaches. ``wake`` is called after each transaction."""

    def __init__(self, inbox: Inbox, wake: Callable[[], None]) -> None:
        self._inbox, self._wake = inbox, wake
        self._queue: asyncio.Queue[_Waiting] = asyncio.Queue(_MOST_WAITING)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="inbox")

    async def store(self, breaches: list[NewBreach]) -> list[Receipt]:
        """Store breaches, and return once they are on disk. DatabaseError if they are not."""
        done: asyncio.Future[list[Receipt]] = asyncio.get_running_loop().create_future()
        try:
            self._queue.put_nowait((breaches, done))
        except asyncio.QueueFull:
            raise UserError("too many breaches wait to be stored", status=OUTSIDE) from None
        try:
            async with asyncio.timeout(_MOST_SECONDS):
                return await done
        except TimeoutError:  # it may be stored all the same: the next delivery is then a repeated one
            message = f"the inbox cannot be used: it did not answer within {_MOST_SECONDS:g} seconds"
            raise UserError(message, status=OUTSIDE) from None

    async def run(self) -> None:
        """Store the queued breaches, for ever."""
        while True:
            batch = [await self._queue.get()]
            while sum(len(breaches) for breaches, _ in batch) < _MOST and not self._queue.empty():
                batch.append(self._queue.get_nowait())
            await self._store([(breaches, done) for breaches, done in batch if not done.done()])

    async def _store(self, batch: list[_Waiting]) -> None:
        if not batch:
            return
        everything = [breach for breaches, _ in batch for breach in breaches]
        try:
            receipts = await asyncio.get_running_loop().run_in_executor(self._thread, self._inbox.add, everything)
        except Exception as error:
            await self._fail(batch, error)
            return
        self._wake()
        for breaches, done in batch:
            own, receipts = receipts[: len(breaches)], receipts[len(breaches) :]
            if not done.done():
                done.set_result(own)

    async def _fail(self, batch: list[_Waiting], error: Exception) -> None:
        """Let the posts of a batch fail. If one of them may be the reason, each is tried alone."""
        if len(batch) > 1 and not isinstance(error, UserError):
            for waiting in batch:
                await self._store([waiting])
            return
        for _, done in batch:
            if not done.done():
                done.set_exception(error)
