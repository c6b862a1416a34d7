"""The budget of one command for its forge: seconds and bytes, for all requests together."""

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
"""The environment variable by which the owner of the machine sets the seconds."""
SECONDS = 90.0
MOST_BYTES = 64 * 1024 * 1024
_LONGEST = 3600.0


class DeadlineError(OSError):
    """The seconds of the budget are spent."""


class TooLargeError(OSError):
    """The answers are larger than the budget."""


class TimeBudget:
    """The budget of one command. Its clock runs during requests to the forge, and stops in between."""

    def __init__(self) -> None:
        self._bytes = MOST_BYTES
        self._before = 0.0
        self._since = 0.0
        self._depth = 0

    @cached_property
    def seconds(self) -> float:
        """The seconds of the whole budget. UserError if the environment variable holds no valid number."""
        text = os.environ.get(VARIABLE, "").strip()
        try:
            seconds = float(text or SECONDS)
        except ValueError:
            seconds = math.nan
        if not 1 <= seconds <= _LONGEST:
            raise UserError(f"${VARIABLE} must be a number of seconds from 1 to {_LONGEST:g}")
        return seconds

    @contextmanager
    def running(self) -> Iterator[None]:
        """Let the clock run. Calls may be nested."""
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
        """Return the remaining seconds, 0 if none remain."""
        running = time.monotonic() - self._since if self._depth else 0.0
        return max(0.0, self.seconds - self._before - running)

    def check(self) -> None:
        """Raise DeadlineError if no time remains."""
        if not self.left:
            raise DeadlineError(
                f"it did not answer in time: all requests of one command share {self.seconds:g} seconds"
            )

    def take(self, size: int) -> None:
        """Count bytes that were read. TooLargeError if they are too many, DeadlineError if no time remains."""
        self._bytes -= size
        if self._bytes < 0:
            raise TooLargeError(f"the answers to one command exceed {MOST_BYTES >> 20} MiB")
        self.check()


_current: ContextVar[TimeBudget | None] = ContextVar("budget", default=None)


@contextmanager
def command() -> Iterator[None]:
    """Share one budget among all requests inside this context."""
    before = _current.set(TimeBudget())
    try:
        yield
    finally:
        _current.reset(before)


@contextmanager
def spending() -> Iterator[TimeBudget]:
    """Let the clock of the command's budget run. Outside of a command, use a new budget."""
    budget = _current.get() or TimeBudget()
    before = _current.set(budget)
    try:
        with budget.running():
            yield budget
    finally:
        _current.reset(before)


def check() -> None:
    """Raise DeadlineError if the budget of the command has no time left."""
    budget = _current.get()
    if budget is not None:
        budget.check()
