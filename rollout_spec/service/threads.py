"""Threads for calls that may hang.

A call that takes too long is left behind, and its request gets an error.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from rollout_spec.core.errors import OUTSIDE, UserError

_P = ParamSpec("_P")
_R = TypeVar("_R")


class Threads:
    """A pool of ``count`` threads of its own, so that calls that hang hold up no others.

    ``problem`` is the error of a call that takes longer than ``seconds``. Waiting for a free thread counts.
    """

    def __init__(self, name: str, count: int, seconds: float, problem: str) -> None:
        self._pool = ThreadPoolExecutor(count, thread_name_prefix=name)
        self._seconds, self._problem = seconds, problem

    async def run(self, function: Callable[_P, _R], *arguments: _P.args, **named: _P.kwargs) -> _R:
        """Call a function in a thread. UserError with status 3 if that takes too long."""

        def call() -> _R:
            return function(*arguments, **named)

        try:
            async with asyncio.timeout(self._seconds):
                return await asyncio.get_running_loop().run_in_executor(self._pool, call)
        except TimeoutError:
            raise UserError(self._problem, status=OUTSIDE) from None
