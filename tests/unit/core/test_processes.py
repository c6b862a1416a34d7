"""Work that is spread over processes comes back in order, and so does what goes wrong in it."""

from __future__ import annotations

import os
import signal
import time

import pytest

from rollout_spec.core import parallel as processes
from rollout_spec.core.errors import UserError
from rollout_spec.render.renderer import RenderError


@pytest.fixture(autouse=True)
def _two_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "processors", lambda: 2)


def test_results_come_in_the_order_of_the_items() -> None:
    assert list(processes.spread(lambda item: item * item, range(50))) == [item * item for item in range(50)]


def test_many_items_are_worked_on_elsewhere_but_for_the_first() -> None:
    first, *others = processes.spread(lambda item: os.getpid(), range(20))
    assert first == os.getpid()
    assert os.getpid() not in others


def test_few_items_are_worked_on_here() -> None:
    assert set(processes.spread(lambda item: os.getpid(), range(3))) == {os.getpid()}


def test_an_error_with_arguments_of_its_own_arrives_whole() -> None:
    def fail(item: int) -> int:
        if item > 0:
            raise RenderError(item, "there is no target", "choose another one")
        return item

    with pytest.raises(RenderError, match="there is no target") as caught:
        list(processes.spread(fail, range(20)))
    assert (caught.value.target, caught.value.hint) == (1, "choose another one")


def test_an_error_for_the_user_arrives_whole() -> None:
    def fail(item: int) -> int:
        if item > 0:
            raise UserError(f"there is no {item}", hint="look again", status=3)
        return item

    with pytest.raises(UserError) as caught:
        list(processes.spread(fail, range(20)))
    assert (caught.value.message, caught.value.hint, caught.value.status) == ("there is no 1", "look again", 3)


def test_a_process_that_is_killed_is_told() -> None:
    def work(item: int) -> int:
        if item == 5:
            os.kill(os.getpid(), signal.SIGKILL)
        return item

    with pytest.raises(UserError, match="a process that shared the work was killed") as caught:
        list(processes.spread(work, range(20)))
    assert caught.value.status == 3


def test_nobody_waits_for_the_rest_of_what_was_given_up() -> None:
    def work(item: int) -> int:
        time.sleep(60 if item > 2 else 0)
        return item

    start = time.monotonic()
    for item in processes.spread(work, range(20)):
        if item == 2:
            break
    assert time.monotonic() - start < 30


def test_a_signal_ends_a_process_although_its_parent_handles_it() -> None:
    """A handler in Python never runs while a lock is waited for, if its signal came right before."""
    before = signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        _, *handlers = processes.spread(lambda item: signal.getsignal(signal.SIGTERM), range(20))
    finally:
        signal.signal(signal.SIGTERM, before)
    assert set(handlers) == {signal.SIG_DFL}
