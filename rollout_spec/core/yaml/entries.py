"""Where the entries of a mapping or list stand in a text, and the comments between them.

Places come from libyaml's marks, which count code points. Comments are in no event: a ``#`` is one where it stands
behind the last scalar of its line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rollout_spec.core.errors import UserError
from rollout_spec.core.findings import KeyPath
from rollout_spec.core.yaml.decoding import line_start
from rollout_spec.core.yaml.document import Document, parse

_BREAK = re.compile(r"\r\n|\n|\r|\Z")
_COLON = re.compile(r"[ \t]*:")
_BEFORE_DASH = re.compile(r"(?:\s|#[^\r\n]*)*")


class CannotEdit(UserError):
    """A text is YAML, and says what it should, in a way that is not spliced."""

    def __init__(self) -> None:
        super().__init__(
            "this file is written in a way that cannot be edited", hint='write one key a line: `stable: "41"`'
        )


class EntryText:
    """A file's text, its newline, and its byte order mark, which marks know nothing of."""

    def __init__(self, content: bytes) -> None:
        self.document: Document = parse(content)
        if not self.document.readable:
            raise CannotEdit
        self.mark = b"\xef\xbb\xbf" if content.startswith(b"\xef\xbb\xbf") else b""
        self.text = content[len(self.mark) :].decode()
        found = re.search(r"\r\n|\n|\r", self.text)
        self.newline = found[0] if found else "\n"

    def line_start(self, index: int) -> int:
        """Return where the line of an offset begins."""
        return line_start(self.text, index)

    def line_end(self, index: int) -> int:
        """Return where the line of an offset ends, its line break included."""
        found = _BREAK.search(self.text, index)
        assert found is not None
        return found.end()

    def break_before(self, line: int) -> int:
        """Return where the line break begins that is before the beginning of a line; that itself if there is none."""
        return line - 2 if self.text[:line].endswith("\r\n") else max(line - 1, 0)

    def replaced(self, start: int, end: int, new: str) -> bytes:
        """Return the file with ``new`` in place of what stands between two offsets."""
        return self.mark + (self.text[:start] + new + self.text[end:]).encode()


def start_of(place: Any) -> int:
    event = place[0] if isinstance(place, tuple) else place
    return int(event.start_mark.index)


def end_of(place: Any, text: str) -> int:
    """Return where a value ends: libyaml ends a block collection at the next token, so that its last value counts."""
    if not isinstance(place, tuple):
        end = int(place.end_mark.index)
        return end if place.style not in ("|", ">") else len(text[:end].rstrip())
    first, last, children = place
    if first.flow_style:
        return int(last.end_mark.index)
    inside = [child for _, child in children.values()] if isinstance(children, dict) else children
    return end_of(inside[-1], text) if inside else int(first.end_mark.index)


def is_nothing(place: Any) -> bool:
    """Is this the value of a key with nothing behind it? libyaml puts that at the next token, past all comments."""
    return not isinstance(place, tuple) and place.implicit[0] and place.value == ""


@dataclass(frozen=True)
class Entry:
    """One entry of a collection: its key or index, and the offsets between which it stands.

    ``start`` is that of the key or item; ``head`` is that of the dash, if the item begins on a line below it.
    """

    key: str | int
    start: int
    end: int
    head: int | None = None


def entries_of(source: EntryText, path: KeyPath) -> tuple[bool, list[Entry]]:
    """Return whether the collection at ``path`` is in flow style, and its entries."""
    place = source.document.node(path)
    if not isinstance(place, tuple):
        raise CannotEdit
    first, _, children = place
    if isinstance(children, list):
        return bool(first.flow_style), list(_items(source, first, children))
    found: list[Entry] = []
    for key, (event, child) in children.items():
        end = end_of(event, source.text)
        colon = _COLON.match(source.text, end)
        after = colon.end() if colon else end
        found.append(Entry(key, start_of(event), after if is_nothing(child) else end_of(child, source.text)))
    return bool(first.flow_style), found


def _items(source: EntryText, first: Any, children: list[Any]) -> Iterator[Entry]:
    """Give the entries of a list. Between two items of a block there are blanks, comments and a dash."""
    dash = int(first.start_mark.index)
    for index, child in enumerate(children):
        start, end = start_of(child), end_of(child, source.text)
        is_below = not first.flow_style and source.line_start(dash) != source.line_start(start)
        yield Entry(index, start, end, dash if is_below else None)
        found = _BEFORE_DASH.match(source.text, end)
        assert found is not None
        dash = found.end()


def position_of(entries: list[Entry], key: str | int) -> int:
    found = next((number for number, entry in enumerate(entries) if entry.key == key), None)
    if found is None:
        raise CannotEdit
    return found


def scalars_of(place: Any) -> Iterator[Any]:
    """Give all scalars below a place, keys too."""
    if not isinstance(place, tuple):
        yield place
        return
    for child in place[2].values() if isinstance(place[2], dict) else place[2]:
        if isinstance(place[2], dict):
            yield child[0]
        yield from scalars_of(child[1] if isinstance(place[2], dict) else child)


def comments_in(source: EntryText, start: int, end: int, ends: list[int]) -> list[str]:
    """Return the comments between two offsets; ``ends`` are those of scalars, before which a ``#`` is no comment."""
    found = []
    while start < end:
        after = source.line_end(start)
        code = max((each for each in ends if start <= each <= after), default=start)
        _, mark, words = source.text[code:after].partition("#")
        if mark:
            found.append(f"#{words.rstrip()}")
        start = after
    return found


def past_blanks(text: str, start: int, index: int) -> int:
    """Return where the blanks behind an offset end; before a comment one stays where none stands before ``start``."""
    while text[index] in " \t" and (text[index + 1] != "#" or text[start - 1].isspace()):
        index += 1
    return index


def comma_behind(text: str, index: int) -> int | None:
    """Return where the comma behind an entry is, past blanks and comments, which may hold commas of their own."""
    while index < len(text):
        if text[index] == ",":
            return index
        if text[index] == "#":
            found = _BREAK.search(text, index)
            assert found is not None
            index = found.start()
        elif not text[index].isspace():
            return None
        else:
            index += 1
    return None
