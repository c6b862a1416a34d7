"""Limits of memory and time for templates, policies and contracts of a workspace."""

from __future__ import annotations

import os
import re
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from rollout_spec.core.errors import UserError

if TYPE_CHECKING:
    from mmap import mmap

MEMORY, SECONDS = "ROLLOUT_SPEC_SANDBOX_MEMORY", "ROLLOUT_SPEC_SANDBOX_SECONDS"
"""The environment variables by which the owner of the machine sets the limits."""
HINT = f"make it smaller; the owner of this machine can raise the limits with {MEMORY} and {SECONDS}"
_MEMORY, _SECONDS = "1GiB", "10"
_LEAST_SHARE = 128 * 1024**2
"""The least memory of each of several processes. A machine with many processors has much memory."""
_MORE_SECONDS = 0.1
"""The seconds that each file adds to those of the command. A normal rollout needs a tenth of this."""
_MOST_KNOWN = 1024
_LARGEST_KNOWN = 32 * 1024
_ALL = "a workspace's templates, policies and contracts"
_UNITS = {"": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}
_SLOTS = 512

Limit = Literal["memory", "time", "size", "crash"]


class StoppedError(Exception):
    """A request that exceeded a limit, with the reason and the ``answers`` before it.

    ``place`` is a file and line, if known. ``has_run`` is False if no time remained for the request.
    """

    has_run = True

    def __init__(self, limit: Limit, reason: str, answers: list[Any] | None = None, place: str | None = None) -> None:
        super().__init__(reason)
        self.limit = limit
        self.reason = reason
        self.hint = HINT
        self.answers = answers or []
        self.place = place


class OutOfTimeError(Exception):
    """Raised in the child when the time of a request is over. Its traceback shows the current line."""


class ProcessBudget:
    """The memory and the time of one command, for all processes that it forks."""

    def __init__(self) -> None:
        self._spent = 0.0  # seconds of this process, less those that files added
        self._files: set[str] = set()
        self._count = 1
        self._slots: mmap | None = None
        self._known: dict[bytes, list[Any] | StoppedError] = {}

    @cached_property
    def seconds(self) -> float:
        """The seconds of the command."""
        text = os.environ.get(SECONDS) or _SECONDS
        if not re.fullmatch(r"\d{1,6}(\.\d{1,3})?", text) or float(text) == 0:
            raise UserError(f"{SECONDS} must be a number of seconds, not `{text}`", hint=f"write `{_SECONDS}`")
        return float(text)

    @cached_property
    def _memory(self) -> int:
        text = os.environ.get(MEMORY) or _MEMORY
        match = re.fullmatch(r"([1-9]\d{0,15}) ?(|KiB|MiB|GiB)", text)
        if not match:
            raise UserError(f"{MEMORY} must be a size such as `512MiB`, not `{text}`", hint=f"write `{_MEMORY}`")
        return int(match[1]) * _UNITS[match[2]]

    @property
    def memory(self) -> int:
        """The bytes that one process may use."""
        return self._memory if self._count == 1 else min(self._memory, max(self._memory // self._count, _LEAST_SHARE))

    def left(self, file: str) -> float:
        """Return the remaining seconds for a file."""
        if file not in self._files:
            self._files.add(file)
            self.spend(-_MORE_SECONDS)
        return min(self.seconds, self.seconds - self._sum())

    def spend(self, seconds: float) -> None:
        """Count seconds that were spent."""
        if self._slots is None:
            self._spent += seconds
            return
        slots = memoryview(self._slots).cast("d")
        slots[os.getpid() % _SLOTS] += seconds  # two processes that share a slot may lose some time

    def _sum(self) -> float:
        return self._spent + (sum(memoryview(self._slots).cast("d")) if self._slots is not None else 0.0)

    def known(self, key: bytes) -> list[Any] | None:
        """Return the cached answers of a request, or None. Raises ``StoppedError`` if the request was stopped."""
        answers = self._known.get(key)
        if isinstance(answers, StoppedError):
            raise answers.with_traceback(None)
        return answers

    def keep(self, key: bytes, size: int, answers: list[Any] | StoppedError) -> None:
        """Cache the answers of a request, of ``size`` bytes. A drill repeats the same requests many times."""
        if size <= _LARGEST_KNOWN or isinstance(answers, StoppedError):
            if len(self._known) >= _MOST_KNOWN:
                del self._known[next(iter(self._known))]
            self._known[key] = answers

    def share(self, count: int) -> None:
        """Divide the memory among ``count`` processes that are forked next, and add up their time."""
        from mmap import mmap

        self._count, self._slots = count, mmap(-1, _SLOTS * 8)

    def unshare(self) -> None:
        """Restore the limits after the forked processes ended."""
        self._spent, self._count, self._slots = self._sum(), 1, None

    def too_much_memory(self) -> str:
        """Return the message for a request that takes too much memory."""
        return f"this takes more than {_size_text(self.memory)} of memory"

    def too_long(self) -> str:
        """Return the message for a request that takes too long."""
        return f"this did not end within the {self.seconds:g} s that {_ALL} share"

    def used_up(self) -> StoppedError:
        """Return the error of a request for which no time remains."""
        reason = f"this was not run: {_ALL} used up their {self.seconds:g} s"
        stopped = StoppedError("time", reason)
        stopped.has_run = False
        return stopped


def _size_text(size: int) -> str:
    unit, factor = next((item for item in reversed(_UNITS.items()) if size % item[1] == 0), ("", 1))
    return f"{size // factor:,} {unit or 'bytes'}"
