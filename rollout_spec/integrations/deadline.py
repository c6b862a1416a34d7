"""A bound on the time of calls into libraries that have none of their own."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread
from typing import TypeVar

from rollout_spec.core.errors import OUTSIDE, UserError

T = TypeVar("T")


def within(seconds: float, what: str, work: Callable[[], T]) -> T:
    """Return the result of a function. UserError with status 3 if it takes longer.

    Its thread is abandoned then.
    """
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:
            errors.append(error)

    thread = Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if errors:
        raise errors[0]
    if not results:
        raise UserError(f"{what}: no result within {seconds:,.0f} seconds", status=OUTSIDE)
    return results[0]
