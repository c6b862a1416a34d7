"""Offsets of the entries of mappings and lists in a text, and of the comments between them.

Offsets come from libyaml's marks, which count code points. Comments are in no event: a line between two entries that
begins with ``#`` is one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rollout_spec.core.errors import UserError
from rollout_spec.core.findings import KeyPath
from rollout_spec.core.yaml.decoding import LINE_BREAK, line_start
from rollout_spec.core.yaml.document import Document, parse

_BREAK = re.compile(r"\r\n|\n|\r|\Z")
_COMMENT_LINE = re.compile(r"([ \t]*)#")
_COLON = re.compile(r"[ \t]*:")
_BEFORE_DASH = re.compile(r"(?:\s|#[^\r\n]*)*")


class CannotEditError(UserError):
    """A text is valid YAML in a layout that cannot be edited."""

    def __init__(self) -> None:
        super().__init__(
            "the layout of this file cannot be edited automatically", hint='write one key on each line: `stable: "41"`'
        )


class EntryText:
    """The text of a file, its newline and its byte order mark. Offsets do not count the byte order mark."""

    def __init__(self, content: bytes) -> None:
        self.document: Document = parse(content)
        if not self.document.readable:
            raise CannotEditError
        self.mark = b"\xef\xbb\xbf" if content.startswith(b"\xef\xbb\xbf") else b""
        self.text = content[len(self.mark) :].decode()
        self.newline = newline_of(self.text)

    def line_start(self, index: int) -> int:
        """Return the offset at which the line of an offset begins."""
        return line_start(self.text, index)

    def line_end(self, index: int) -> int:
        """Return the offset at which the line of an offset ends, including its line break."""
        match = _BREAK.search(self.text, index)
        assert match is not None
        return match.end()

    def break_before(self, line: int) -> int:
        """Return the offset of the line break before the start of a line, or the start if there is none."""
        return line - 2 if self.text[:line].endswith("\r\n") else max(line - 1, 0)

    def comment_column(self, line: int) -> int | None:
        """Return the column of a comment on a line of its own, or None. ``line`` is where the line starts."""
        match = _COMMENT_LINE.match(self.text, line)
        return len(match[1]) if match else None

    def comments_above(self, line: int, column: int | None = None) -> int:
        """Return the start of the comment lines directly above a line, all of them or those in one column."""
        while line > 0:
            above = self.line_start(self.break_before(line))
            found = self.comment_column(above)
            if found is None or column not in (None, found):
                break
            line = above
        return line

    def comments_below(self, line: int, column: int = -1) -> int:
        """Return the end of the comment lines directly below, from the start of a line, right of a column."""
        while (found := self.comment_column(line)) is not None and found > column:
            line = self.line_end(line)
        return line

    def replaced(self, start: int, end: int, new: str) -> bytes:
        """Return the file with the text between two offsets replaced by ``new``."""
        return self.mark + (self.text[:start] + new + self.text[end:]).encode()

    def without(self, *spans: tuple[int, int]) -> bytes:
        """Return the file without the text of some spans."""
        text = self.text
        for start, end in sorted(spans, reverse=True):
            text = text[:start] + text[end:]
        return self.mark + text.encode()


def newline_of(text: str) -> str:
    """Return the first line break of a text, or a line feed if it has none."""
    match = LINE_BREAK.search(text)
    return match[0] if match else "\n"


def start_of(node: Any) -> int:
    """Return the offset at which a value begins."""
    event = node[0] if isinstance(node, tuple) else node
    return int(event.start_mark.index)


def end_of(node: Any, text: str) -> int:
    """Return the offset at which a value ends.

    libyaml ends a block collection at the next token, so its end is that of its last value.
    """
    if not isinstance(node, tuple):
        end = int(node.end_mark.index)
        return end if node.style not in ("|", ">") else len(text[:end].rstrip())
    first, last, children = node
    if first.flow_style:
        return int(last.end_mark.index)
    inside = [child for _, child in children.values()] if isinstance(children, dict) else children
    return end_of(inside[-1], text) if inside else int(first.end_mark.index)


def is_nothing(node: Any) -> bool:
    """Return whether this is the value of a key without a value. libyaml puts it at the next token."""
    return not isinstance(node, tuple) and node.implicit[0] and node.value == ""


@dataclass(frozen=True)
class Entry:
    """One entry of a collection: its key or index, and its offsets.

    ``start`` is the offset of the key or item. ``head`` is that of the dash, if the item begins on a line below it.
    """

    key: str | int
    start: int
    end: int
    head: int | None = None


def entries_of(source: EntryText, path: KeyPath) -> tuple[bool, list[Entry]]:
    """Return whether the collection at ``path`` is in flow style, and its entries."""
    node = source.document.node(path)
    if not isinstance(node, tuple):
        raise CannotEditError
    first, _, children = node
    if isinstance(children, list):
        return bool(first.flow_style), list(_items(source, first, children))
    entries: list[Entry] = []
    for key, (event, child) in children.items():
        end = end_of(event, source.text)
        colon = _COLON.match(source.text, end)
        after = colon.end() if colon else end
        entries.append(Entry(key, start_of(event), after if is_nothing(child) else end_of(child, source.text)))
    return bool(first.flow_style), entries


def _items(source: EntryText, first: Any, children: list[Any]) -> Iterator[Entry]:
    """Yield the entries of a list. Between two items of a block are blanks, comments and a dash."""
    dash = int(first.start_mark.index)
    for index, child in enumerate(children):
        start, end = start_of(child), end_of(child, source.text)
        is_below = not first.flow_style and source.line_start(dash) != source.line_start(start)
        yield Entry(index, start, end, dash if is_below else None)
        match = _BEFORE_DASH.match(source.text, end)
        assert match is not None
        dash = match.end()


def position_of(entries: list[Entry], key: str | int) -> int:
    """Return the position of the entry with a key. CannotEditError if there is none."""
    position = next((number for number, entry in enumerate(entries) if entry.key == key), None)
    if position is None:
        raise CannotEditError
    return position


def past_blanks(text: str, start: int, index: int) -> int:
    """Return the offset after the blanks at an offset.

    Before a comment, one blank stays if none precedes ``start``.
    """
    while text[index] in " \t" and (text[index + 1] != "#" or text[start - 1].isspace()):
        index += 1
    return index


def comma_behind(text: str, index: int) -> int | None:
    """Return the offset of the comma after an entry, skipping blanks and comments, or None."""
    while index < len(text):
        if text[index] == ",":
            return index
        if text[index] == "#":
            match = _BREAK.search(text, index)
            assert match is not None
            index = match.start()
        elif not text[index].isspace():
            return None
        else:
            index += 1
    return None
