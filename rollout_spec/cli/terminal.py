"""Messages and progress on stderr, and the features of a terminal. NO_COLOR turns colors off."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from typing import TextIO

from rollout_spec.core.text import escape


def is_watched(stream: TextIO) -> bool:
    """Return whether a stream is a terminal."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def colors(stream: TextIO) -> bool:
    """Return whether a stream may have colors. See https://no-color.org."""
    return is_watched(stream) and not os.environ.get("NO_COLOR")


def links(stream: TextIO) -> bool:
    """Return whether a stream may have OSC 8 links. FORCE_HYPERLINK decides; else terminals get them.

    The log of a CI may look like a terminal, but shows links unformatted.
    """
    forced = os.environ.get("FORCE_HYPERLINK")
    if forced:
        return forced != "0"
    return is_watched(stream) and not os.environ.get("CI")


_COMMAND = re.compile(r"^(\s*):(?=:)|#(?=#\w*\[)", re.MULTILINE)
"""The start of a workflow command to a CI runner, in any printed line."""


def harmless(text: str) -> str:
    """Escape control characters, invisible text, and workflow commands to a CI runner."""
    return without_commands(escape(text, keep="\n\t"))


def without_commands(text: str) -> str:
    """Escape workflow commands to a CI runner in a text that is printable, except its colors."""
    return _COMMAND.sub(lambda match: f"{match[1]}\\x3a" if match[0] != "#" else "\\x23", text)


def say(message: str) -> None:
    """Print a message to stderr, with control characters escaped."""
    print(harmless(message), file=sys.stderr)


def progress(noun: str, many: int = 200) -> Callable[[int, int], None] | None:
    """Return a callback that shows how far work on more than so ``many`` is, None without a terminal."""
    if not is_watched(sys.stderr):
        return None

    def show(done: int, total: int) -> None:
        if total > many and (done % (many // 2) == 0 or done + 1 == total):
            end = "\r" if done + 1 < total else "\r\x1b[K"
            print(f"{done:,} of {total:,} {noun}", end=end, file=sys.stderr, flush=True)

    return show
