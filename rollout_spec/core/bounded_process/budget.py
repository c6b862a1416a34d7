"""The limits of what templates, policies and contracts of a workspace may take, and the time that they took."""

from __future__ import annotations

import os
import re
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from rollout_spec.core.errors import UserError

if TYPE_CHECKING:
    from mmap import mmap

MEMORY, SECONDS = "ROLLOUT_SPEC_SANDBOX_MEMORY", "ROLLOUT_SPEC_SANDBOX_SECONDS"
"""The environment variables with which the owner of a machine sets the limits."""
HINT = f"make it smaller; the owner of this machine sets the limits, by {MEMORY} and {SECONDS}"
_MEMORY, _SECONDS = "1GiB", "10"
_LEAST_SHARE = 128 * 1024**2
"""The memory that each of many processes has at least: where they are many, the machine is large."""
_MORE_SECONDS = 0.1
"""The time that each file adds to that of the command: good ones take a tenth of it for a rollout."""
_MOST_KNOWN = 1024
_LARGEST_KNOWN = 32 * 1024
_ALL = "a workspace's templates, policies and contracts"
_UNITS = {"": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}
_SLOTS = 512

Limit = Literal["memory", "time", "size", "crash"]


class Stopped(Exception):
    """A request that exceeded a limit: why, and the ``answers`` before that; ``place`` is a file and line, if known.

    ``has_run`` is False if the limit was used up before it.
    """

    has_run = True

    def __init__(self, limit: Limit, why: str, answers: list[Any] | None = None, place: str | None = None) -> None:
        super().__init__(why)
        self.limit = limit
        self.why = why
        self.hint = HINT
        self.answers = answers or []
        self.place = place


class OutOfTime(Exception):
    """Raised in a request when its time is up: its traceback says where it was."""


class ProcessBudget:
    """The memory and the time of one command, in all the processes that it forks."""

    def __init__(self) -> None:
        self._spent = 0.0  # of this process; files that added time are taken off
        self._files: set[str] = set()
        self._count = 1
        self._slots: mmap | None = None
        self._known: dict[bytes, list[Any] | Stopped] = {}

    @cached_property
    def seconds(self) -> float:
        """The time of the command."""
        text = os.environ.get(SECONDS) or _SECONDS
        if not re.fullmatch(r"\d{1,6}(\.\d{1,3})?", text) or float(text) == 0:
            raise UserError(f"{SECONDS} is a number of seconds, not `{text}`", hint=f"write `{_SECONDS}`")
        return float(text)

    @cached_property
    def _memory(self) -> int:
        text = os.environ.get(MEMORY) or _MEMORY
        found = re.fullmatch(r"([1-9]\d{0,15}) ?(|KiB|MiB|GiB)", text)
        if not found:
            raise UserError(f"{MEMORY} is a size such as `512MiB`, not `{text}`", hint=f"write `{_MEMORY}`")
        return int(found[1]) * _UNITS[found[2]]

    @property
    def memory(self) -> int:
        """The bytes that one process may take."""
        return self._memory if self._count == 1 else min(self._memory, max(self._memory // self._count, _LEAST_SHARE))

    def left(self, file: str) -> float:
        """Return the seconds that are left for a file."""
        if file not in self._files:
            self._files.add(file)
            self.spend(-_MORE_SECONDS)
        return min(self.seconds, self.seconds - self._sum())

    def spend(self, seconds: float) -> None:
        """Count time that was taken."""
        if self._slots is None:
            self._spent += seconds
            return
        slots = memoryview(self._slots).cast("d")
        slots[os.getpid() % _SLOTS] += seconds  # of two processes with one slot, one may be counted too low

    def _sum(self) -> float:
        return self._spent + (sum(memoryview(self._slots).cast("d")) if self._slots is not None else 0.0)

    def known(self, key: bytes) -> list[Any] | None:
        """Return the answers that a request had, None if they are not known. Raises ``Stopped`` if it was."""
        found = self._known.get(key)
        if isinstance(found, Stopped):
            raise found.with_traceback(None)
        return found

    def keep(self, key: bytes, size: int, answers: list[Any] | Stopped) -> None:
        """Remember what came of a request, of ``size`` bytes: a drill renders and asks the same again and again."""
        if size <= _LARGEST_KNOWN or isinstance(answers, Stopped):
            if len(self._known) >= _MOST_KNOWN:
                del self._known[next(iter(self._known))]
            self._known[key] = answers

    def share(self, count: int) -> None:
        """Divide the memory among ``count`` processes that are forked next; count their time in one sum."""
        from mmap import mmap

        self._count, self._slots = count, mmap(-1, _SLOTS * 8)

    def unshare(self) -> None:
        """Take the limits back from processes that ended."""
        self._spent, self._count, self._slots = self._sum(), 1, None

    def too_much_memory(self) -> str:
        """Say that a request takes too much memory."""
        return f"this takes more than {_spelled(self.memory)} of memory"

    def too_long(self) -> str:
        """Say that a request takes too long."""
        return f"this did not end within the {self.seconds:g} s that {_ALL} have together"

    def used_up(self) -> Stopped:
        """Return the error of a request for which no time is left."""
        why = f"this was not run: {_ALL} took their {self.seconds:g} s"
        stopped = Stopped("time", why)
        stopped.has_run = False
        return stopped


def _spelled(size: int) -> str:
    unit, factor = next((each for each in reversed(_UNITS.items()) if size % each[1] == 0), ("", 1))
    return f"{size // factor:,} {unit or 'bytes'}"
