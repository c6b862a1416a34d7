"""The columns of trailing comments in an edited YAML text.

Lines are read without a parser, so the caller must verify that the data stays the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""(?<![^\s\[{,:])(?:"(?:[^"\\\r\n]|\\.)*"|'[^'\r\n]*')|(?P<gap>(?<![ \t])[ \t]+)(?P<comment>#[^\r\n]*)|[^\r\n]"""
)
_COMMENT_LINE = re.compile(r"(?P<gap>[ \t]*)(?P<comment>#[^\r\n]*)")
_LEAST_GAP = 2


@dataclass(frozen=True)
class _Line:
    """A line with a comment. ``code`` is empty if it has nothing else."""

    code: str
    gap: str
    comment: str

    @property
    def column(self) -> int:
        return len(self.code) + len(self.gap)


def realigned(before: bytes, after: bytes) -> bytes:
    """Return an edited text whose changed lines have their comments in the column of their neighbors.

    A comment that no neighbor had in its column keeps its distance to the code.
    """
    old, new = [*before.splitlines(keepends=True), b""], [*after.splitlines(keepends=True), b""]
    start = next((index for index, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), None)
    if start is None:
        return after
    most = min(len(old), len(new)) - start
    same = next((n for n in range(most) if old[-1 - n] != new[-1 - n]), most)
    positions = iter(range(start, len(old) - same))
    for index in range(start, len(new) - same):
        line = _parsed(new[index])
        if line is None or not line.code:
            continue
        position = next((each for each in positions if _has_comment(old[each], line.comment)), None)
        if position is None:
            break
        moved = _moved(new[index].decode(), line, list(_columns(old, position)), _parsed(old[position]))
        new[index] = moved.encode()
    return b"".join(new)


def _parsed(content: bytes) -> _Line | None:
    line = content.decode()
    match = _COMMENT_LINE.match(line)
    if match:
        return _Line("", match["gap"], match["comment"])
    tokens = _TOKEN.finditer(line)
    found = next((token for token in tokens if token["comment"]), None)
    return _Line(line[: found.start()], found["gap"], found["comment"]) if found else None


def _has_comment(line: bytes, comment: str) -> bool:
    parsed = _parsed(line)
    return parsed is not None and bool(parsed.code) and parsed.comment == comment


def _columns(lines: Sequence[bytes], position: int) -> Iterator[int]:
    """Yield the columns of the comments directly above and below a line."""
    for index in (position - 1, position + 1):
        if 0 <= index < len(lines) and (parsed := _parsed(lines[index])) is not None:
            yield parsed.column


def _moved(text: str, line: _Line, columns: Sequence[int], old: _Line | None) -> str:
    """Return a line with its comment in its neighbors' column, if it was there before or next to it."""
    if old is None or "\t" in line.gap or "\t" in line.code:
        return text
    was_pushed = len(old.gap) == _LEAST_GAP and any(column < old.column for column in columns)
    if old.column in columns:
        column = old.column
    elif was_pushed:
        column = max(column for column in columns if column < old.column)
    else:
        return text
    gap = column - len(line.code)
    if gap < min(_LEAST_GAP, len(old.gap)):
        gap = min(_LEAST_GAP, len(old.gap))
    return f"{line.code}{' ' * gap}{text[line.column :]}"
