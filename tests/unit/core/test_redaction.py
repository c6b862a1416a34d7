"""Secrets stay masked while others are learned, and the newest ones are kept."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from threading import Event, Thread

import pytest

from rollout_spec.core import redaction


@pytest.fixture
def quick_switches() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("quick_switches")
def test_a_secret_is_masked_while_another_thread_learns() -> None:
    """The settings are read again and again while requests write log lines."""
    redaction.learn("the-token-of-a-forge")
    ended = Event()

    def learn() -> None:
        number = 0
        while not ended.is_set():
            number += 1
            redaction.learn(f"a-rotated-secret-{number}")
            redaction.learn("the-token-of-a-forge")

    thread = Thread(target=learn, daemon=True)
    thread.start()
    try:
        texts = {redaction.redact("it is the-token-of-a-forge") for _ in range(3_000)}
    finally:
        ended.set()
        thread.join()
    assert texts == {f"it is {redaction.MASK}"}


def test_a_secret_in_use_is_kept_while_very_many_are_rotated() -> None:
    long = "a-private-key-" + "x" * 500
    for number in range(3_000):
        redaction.learn(long)
        redaction.learn(f"short-{number}")
    assert redaction.redact(f"{long} short-2999 short-1") == f"{redaction.MASK} {redaction.MASK} short-1"
