"""The process that runs templates and policies of a workspace, with limits of memory and time.

Anybody who may open a pull request may write them. ``ask`` runs a named function of ours in that process. Shipped
templates and policies run in our own process, which loads only this module and ``budget``.

``budget`` holds the limits, ``worker`` is our end, ``serving`` the other one.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from rollout_spec.core.bounded_process.budget import ProcessBudget, Stopped

__all__ = ["Stopped", "ask", "shared", "together"]

_BUDGET: ContextVar[ProcessBudget | None] = ContextVar("budget", default=None)


def ask(task: str, payload: Any, count: int, about: str, *, share: float = 1.0) -> list[Any]:
    """Return the ``count`` things that the function ``module:name`` yields for a payload, as plain data.

    ``about`` is the file for which this is done; it ends before more than ``share`` of the command's time is spent,
    so that there is time for the rest. Raises ``Stopped`` if the function exceeds a limit, the UserError that
    it raises, and one if no process can be started.
    """
    from rollout_spec.core.bounded_process import worker

    return worker.ask(task, payload, count, about, _BUDGET.get() or ProcessBudget(), share)


@contextmanager
def together() -> Iterator[None]:
    """Let all that is asked within share the time that one command has. Outside of it, each request has that time."""
    token = _BUDGET.set(ProcessBudget())
    try:
        yield
    finally:
        _BUDGET.reset(token)


@contextmanager
def shared(count: int) -> Iterator[None]:
    """Let ``count`` processes that are forked within share the limits."""
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
