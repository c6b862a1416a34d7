"""Data goes to stdout, progress and messages to stderr; color is for terminals, and never where NO_COLOR is set."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from typing import TextIO


def is_watched(stream: TextIO) -> bool:
    """Does a person look at this stream?"""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def colors(stream: TextIO) -> bool:
    """May this stream have colors? See https://no-color.org."""
    return is_watched(stream) and not os.environ.get("NO_COLOR")


def links(stream: TextIO) -> bool:
    """May this stream have OSC 8 links? FORCE_HYPERLINK says so, or not; a terminal that knows none passes over them.

    The log of a CI looks like a terminal to some programs, and shows them as they are.
    """
    forced = os.environ.get("FORCE_HYPERLINK")
    if forced:
        return forced != "0"
    return is_watched(stream) and not os.environ.get("CI")


_COMMAND = re.compile(r"^(\s*):(?=:)|#(?=#\[)", re.MULTILINE)
"""What begins a command to the runner of a workflow, in each line that a step prints."""


def harmless(text: str) -> str:
    """Show as an escape what would move a cursor, what hides text, and what would command the runner of a workflow."""
    shown = "".join(each if each.isprintable() or each in "\n\t" else ascii(each)[1:-1] for each in text)
    return _COMMAND.sub(lambda found: f"{found[1]}\\x3a" if found[0] != "#" else "\\x23", shown)


def say(message: str) -> None:
    """Tell the person something that is no data. What would move a cursor is shown as an escape."""
    print(harmless(message), file=sys.stderr)


def progress(noun: str, many: int = 200) -> Callable[[int, int], None] | None:
    """Return a callback that shows how far work on more than so ``many`` is, or None if nobody looks."""
    if not is_watched(sys.stderr):
        return None

    def show(done: int, total: int) -> None:
        if total > many and (done % (many // 2) == 0 or done + 1 == total):
            end = "\r" if done + 1 < total else "\r\x1b[K"
            print(f"{done:,} of {total:,} {noun}", end=end, file=sys.stderr, flush=True)

    return show
