"""What a stranger wrote is shown as code: no mention, link or markup of theirs takes effect."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rollout_spec.core.text import one_line

_MOST_ROWS = 100
_LONGEST_CELL = 300


def code(text: str | None) -> str:
    """Show a text as code, in one line; nothing for None."""
    if text is None:
        return ""
    return "`" + (one_line(text, _LONGEST_CELL).replace("`", "'").replace("|", "¦") or " ") + "`"


def quoted(text: str) -> str:
    """Show a text as it is where nothing in it could be markup, else as code."""
    return text if re.fullmatch(r"(?:[\w .,:;-]|`[\w.-]+`)*", text, re.ASCII) else code(text)


def table(rows: Sequence[Sequence[str]], head: Sequence[str] = ("", "")) -> str:
    """Lay out rows; the cells are Markdown."""
    lines = [head, ["---"] * len(head), *rows[:_MOST_ROWS]]
    text = "\n".join("|" + "|".join(f" {cell} " if cell != "---" else cell for cell in line) + "|" for line in lines)
    more = len(rows) - _MOST_ROWS
    return f"{text}\n\nAnd {more} more rows." if more > 0 else text


def bullets(lines: Sequence[str], most: int = 50) -> str:
    """List lines, and say how many there are beyond ``most``."""
    more = [f"- and {len(lines) - most} more"] if len(lines) > most else []
    return "\n".join([f"- {line}" for line in lines[:most]] + more)


def fenced(text: str, room: int, kind: str = "diff") -> str:
    """Show whole lines of a text as a block of at most ``room`` characters; empty where not even one line fits."""
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
