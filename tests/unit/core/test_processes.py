"""Work that is spread over processes comes back in order, and so does what goes wrong in it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from rollout_spec.core import parallel as processes
from rollout_spec.core.errors import UserError


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


def test_an_error_for_the_user_arrives_whole() -> None:
    def fail(item: int) -> int:
        if item > 0:
            raise UserError(f"there is no {item}", hint="look again", status=3)
        return item

    with pytest.raises(UserError) as caught:
        list(processes.spread(fail, range(20)))
    assert (caught.value.message, caught.value.hint, caught.value.status) == ("there is no 1", "look again", 3)


INTERRUPTED = """
import os, time
from rollout_spec.core import parallel as processes
processes.processors = lambda: 2
def work(number):
    os.write(1, b"%d\\n" % number)
    time.sleep(30 if number else 0)
list(processes.spread(work, range(8)))
"""


@pytest.mark.system
def test_an_interrupt_is_told_once() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert sorted(process.stdout.readline() for _ in range(3)) == ["0\n", "1\n", "2\n"]
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert err.count("KeyboardInterrupt\n") == 1
    assert "ForkPoolWorker" not in err
