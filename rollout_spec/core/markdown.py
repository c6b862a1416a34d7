"""Markdown for text from outside, shown as code.

Mentions, links and markup in it take no effect.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from rollout_spec.core.text import one_line

_MOST_ROWS = 100
_LONGEST_CELL = 300


def code(text: str | None, longest: int = _LONGEST_CELL) -> str:
    """Return a text as a code span of one line, or an empty text for None."""
    if text is None:
        return ""
    return "`" + (one_line(text, longest).replace("`", "'").replace("|", "¦") or " ") + "`"


def quoted(text: str) -> str:
    """Return a text as it is if nothing in it could be markup, else as code."""
    return text if re.fullmatch(r"(?:[\w .,:;-]|`[\w.-]+`)*", text, re.ASCII) else code(text)


def table(rows: Sequence[Sequence[str]], head: Sequence[str] = ("", "")) -> str:
    """Return a table. The cells are Markdown."""
    lines = [head, ["---"] * len(head), *rows[:_MOST_ROWS]]
    text = "\n".join("|" + "|".join(f" {cell} " if cell != "---" else cell for cell in line) + "|" for line in lines)
    left_out = len(rows) - _MOST_ROWS
    return f"{text}\n\nAnd {left_out} more rows." if left_out > 0 else text


def bullets(lines: Sequence[str], most: int = 50) -> str:
    """Return a list of at most ``most`` lines, and the number of lines left out."""
    left_out = [f"- and {len(lines) - most} more"] if len(lines) > most else []
    return "\n".join([f"- {line}" for line in lines[:most]] + left_out)


def fenced(text: str, room: int, kind: str = "diff") -> str:
    """Return the first lines of a text as a code block of at most ``room`` characters.

    The block is empty if no line fits.
    """
    runs = [len(run) for run in re.findall("`+", text)]
    fence = "`" * max([3, *(length + 1 for length in runs)])
    left = room - 2 * len(fence) - len(kind) - 40
    lines = []
    for line in text.rstrip("\n").split("\n"):
        shown = "".join(letter if letter.isprintable() or letter == "\t" else "�" for letter in line)
        left -= len(shown) + 1
        if left < 0:
            break
        lines.append(shown)
    if not text or not lines:
        return ""
    cut = "" if left >= 0 else "\n\nThe rest is left out."
    return "\n".join([f"{fence}{kind}", *lines, fence]) + cut
