"""The time and the bytes that one command may spend on its forge, all requests together."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cached_property

from rollout_spec.core.errors import UserError

VARIABLE = "ROLLOUT_SPEC_FORGE_SECONDS"
"""The variable in which the owner of the machine sets the time."""
SECONDS = 90.0
MOST_BYTES = 64 * 1024 * 1024
_LONGEST = 3600.0


class DeadlineError(OSError):
    """The time is over."""


class TooLargeError(OSError):
    """What was read is more than is kept."""


class TimeBudget:
    """The budget of one command. The clock runs while the forge is asked, and stands while git or we work."""

    def __init__(self) -> None:
        self._bytes = MOST_BYTES
        self._before = 0.0
        self._since = 0.0
        self._depth = 0

    @cached_property
    def seconds(self) -> float:
        """The seconds of the budget, spent or not. UserError if the owner's setting is no number."""
        text = os.environ.get(VARIABLE, "").strip()
        try:
            seconds = float(text or SECONDS)
        except ValueError:
            seconds = math.nan
        if not 1 <= seconds <= _LONGEST:
            raise UserError(f"${VARIABLE} is no number of seconds from 1 to {_LONGEST:g}")
        return seconds

    @contextmanager
    def running(self) -> Iterator[None]:
        """Let the clock run. What is within it may let it run too."""
        if self._depth == 0:
            self._since = time.monotonic()
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1
            if self._depth == 0:
                self._before += time.monotonic() - self._since

    @property
    def left(self) -> float:
        """Return the seconds that are left, 0 if none are."""
        running = time.monotonic() - self._since if self._depth else 0.0
        return max(0.0, self.seconds - self._before - running)

    def check(self) -> None:
        """Raise LateError if no time is left."""
        if not self.left:
            raise DeadlineError(f"it did not answer in time: all requests of one command have {self.seconds:g} seconds")

    def take(self, size: int) -> None:
        """Count bytes that were read. TooLargeError if they are too many, LateError if no time is left."""
        self._bytes -= size
        if self._bytes < 0:
            raise TooLargeError(f"the answers to one command are larger than {MOST_BYTES >> 20} MiB")
        self.check()


_current: ContextVar[TimeBudget | None] = ContextVar("budget", default=None)


@contextmanager
def command() -> Iterator[None]:
    """Give all requests that are made within it one budget."""
    before = _current.set(TimeBudget())
    try:
        yield
    finally:
        _current.reset(before)


@contextmanager
def spending() -> Iterator[TimeBudget]:
    """Let the clock of the command's budget run; outside of a command, that of a budget of its own."""
    known = _current.get()
    budget = known or TimeBudget()
    before = _current.set(budget)
    try:
        with budget.running():
            yield budget
    finally:
        _current.reset(before)


def check() -> None:
    """Raise LateError if the budget of the command has no time left."""
    budget = _current.get()
    if budget is not None:
        budget.check()
