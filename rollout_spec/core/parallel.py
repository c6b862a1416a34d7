"""Work on many files is spread over the processors that this machine lends us, where that wins."""

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
"""So many items are worth the start of processes; fewer are done here."""
_work: Callable[[Any], Any] | None = None  # what a process was started to do: it is inherited, and never pickled


def processors() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else 1


def spread(function: Callable[[T], R], items: Sequence[T], /) -> Iterator[R]:
    """Apply a function to each item, in order, by as many processes as there are processors.

    They are forked, and inherit what the first item had to load: that one is worked on here. Where forking is not safe,
    all are.
    """
    global _work
    count = min(processors(), len(items))
    if count < 2 or len(items) < _FEWEST:
        yield from map(function, items)
        return
    yield function(items[0])
    _work = function
    gc.freeze()  # a search through what is shared would copy it
    try:
        context = multiprocessing.get_context("fork")
        with confined.shared(count), context.Pool(count, _leave_interrupts) as pool:
            yield from pool.imap(_apply, items[1:])
    finally:
        _work = None
        gc.unfreeze()


def _leave_interrupts() -> None:
    """Let the process that forked this one answer Ctrl-C: it ends all of them, and one message is enough."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _apply(item: Any) -> Any:
    assert _work is not None
    return _work(item)
