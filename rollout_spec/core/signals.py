"""Signals that end a process: delayed during a step that must not be interrupted."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_ASKING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_RAISING = (signal.SIGTERM, signal.SIGHUP)


class TerminatedError(KeyboardInterrupt):
    """Another process sent a signal to end this one."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Delay signals until this context ends, for this process and for the programs it starts."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _ASKING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def raised() -> Iterator[None]:
    """Turn SIGTERM and SIGHUP into exceptions, so that unfinished work is reverted.

    Existing handlers stay.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    ours = [number for number in _RAISING if signal.getsignal(number) is signal.SIG_DFL]
    owner = os.getpid()

    def end(number: int, frame: FrameType | None) -> None:
        if os.getpid() != owner:  # a forked process has nothing to revert
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
            return
        raise TerminatedError(number)

    for number in ours:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)
