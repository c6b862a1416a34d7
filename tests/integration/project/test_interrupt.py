"""An interrupt ends work that is spread over processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

pytestmark = pytest.mark.system
INTERRUPTED = """
import os, time
from rollout_spec.core import parallel as processes
processes.processors = lambda: 2
def work(number):
    os.write(1, b"%d\\n" % number)
    time.sleep(30 if number else 0)
list(processes.spread(work, range(8)))
"""


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
