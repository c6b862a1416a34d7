"""Work on many files, spread over several processes if that is faster."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from rollout_spec.core import bounded_process as confined

T = TypeVar("T")
R = TypeVar("R")

_FEWEST = 8
"""The fewest items for which processes are started."""
_work: Callable[[Any], Any] | None = None  # a forked process inherits the function, so it is never pickled


def processors() -> int:
    """Return the number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else 1


def spread(function: Callable[[T], R], items: Sequence[T], /) -> Iterator[R]:
    """Yield the function's result for each item, in order, computed by one process for each processor.

    The processes are forked. The first item is processed here, so that they inherit the modules that it loads. If
    forking is not safe, all items are processed here.
    """
    global _work
    count = min(processors(), len(items))
    if count < 2 or len(items) < _FEWEST:
        yield from map(function, items)
        return
    yield function(items[0])
    _work = function
    gc.freeze()  # a collection in a fork would copy the shared memory
    try:
        context = multiprocessing.get_context("fork")
        with confined.shared(count), context.Pool(count, _leave_interrupts) as pool:
            yield from pool.imap(_apply, items[1:])
    finally:
        _work = None
        gc.unfreeze()


def _leave_interrupts() -> None:
    """Ignore Ctrl-C: the parent process handles it, and ends its children."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _apply(item: Any) -> Any:
    assert _work is not None
    return _work(item)
