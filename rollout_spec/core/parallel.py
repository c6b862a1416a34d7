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
from rollout_spec.core.errors import UserError

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
    forking is not safe, all items are processed here. UserError with status 3 if a process is killed.
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
        with confined.shared(count):
            yield from _in_processes(items[1:], count)
    finally:
        _work = None
        gc.unfreeze()


def _in_processes(items: Sequence[Any], count: int) -> Iterator[Any]:
    from concurrent.futures.process import BrokenProcessPool, ProcessPoolExecutor

    others = set(multiprocessing.active_children())
    executor = ProcessPoolExecutor(count, multiprocessing.get_context("fork"), _begin_process)
    try:
        yield from executor.map(_apply, items)  # this forks all processes at once
    except BrokenProcessPool:
        hint = "the system may have too little memory: try again, or check fewer files"
        raise UserError("a process that shared the work was killed", hint=hint, status=3) from None
    except BaseException:  # nobody waits for the rest
        for process in set(multiprocessing.active_children()) - others:
            process.terminate()
        raise
    finally:
        executor.shutdown(cancel_futures=True)


def _begin_process() -> None:
    """Let this process ignore Ctrl-C, which the parent handles, and end by the other signals.

    A handler of the parent might never run here: a signal that comes right before a lock is waited for only marks it.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def _apply(item: Any) -> Any:
    assert _work is not None
    return _work(item)
