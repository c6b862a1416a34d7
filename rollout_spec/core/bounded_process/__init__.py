"""A child process that runs templates and policies of a workspace, with limits of memory and time.

Everyone who may open a pull request may write them. ``ask`` runs a named function of this project in the child. Shipped
templates and policies run in the parent, which loads only this module and ``budget``.

``budget`` holds the limits, ``worker`` is the parent's side, ``serving`` the child's.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from rollout_spec.core.bounded_process.budget import ProcessBudget, StoppedError

__all__ = ["StoppedError", "ask", "shared", "together"]

_BUDGET: ContextVar[ProcessBudget | None] = ContextVar("budget", default=None)


def ask(task: str, payload: Any, count: int, about: str, *, share: float = 1.0) -> list[Any]:
    """Return the ``count`` values that the function ``module:name`` yields for a payload, as plain data.

    ``about`` is the file for which the function runs. ``share`` is the largest part of the command's time
    that it may use. Raises ``StoppedError`` if the function exceeds a limit, and
    UserError if the function raises it or no process can be started.
    """
    from rollout_spec.core.bounded_process import worker

    return worker.ask(task, payload, count, about, _BUDGET.get() or ProcessBudget(), share)


@contextmanager
def together() -> Iterator[None]:
    """Share the time of one command among all requests in this context.

    Outside, each request has that time.
    """
    token = _BUDGET.set(ProcessBudget())
    try:
        yield
    finally:
        _BUDGET.reset(token)


@contextmanager
def shared(count: int) -> Iterator[None]:
    """Share the limits among ``count`` processes that are forked in this context."""
    worker = sys.modules.get("rollout_spec.core.bounded_process.worker")
    if worker is not None:
        worker.stop()
    budget = _BUDGET.get() or ProcessBudget()
    token = _BUDGET.set(budget)
    budget.share(count)
    try:
        yield
    finally:
        budget.unshare()
        _BUDGET.reset(token)
