"""One entry of a YAML text is taken out, put in or changed; every comment and every other byte stays.

Places come from libyaml's marks, which count code points. Comments are in no event: a ``#`` is one where it stands
behind the last scalar of its line. Each function takes the whole text of a file and returns it, or raises CannotEdit.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from rollout_spec.document import Document, parse
from rollout_spec.errors import UserError
from rollout_spec.finding import KeyPath

_BREAK = re.compile(r"\r\n|\n|\r|\Z")
_COLON = re.compile(r"[ \t]*:")


class CannotEdit(UserError):
    """A text is YAML, and says what it should, in a way that is not spliced."""

    def __init__(self) -> None:
        super().__init__(
            "this file is written in a way that cannot be edited", hint='write one key a line: `stable: "41"`'
        )


class Source:
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
        return max(self.text.rfind("\n", 0, index), self.text.rfind("\r", 0, index)) + 1

    def line_end(self, index: int) -> int:
        """Return where the line of an offset ends, its line break included."""
        found = _BREAK.search(self.text, index)
        assert found is not None
        return found.end()

    def replaced(self, start: int, end: int, new: str) -> bytes:
        """Return the file with ``new`` in place of what stands between two offsets."""
        return self.mark + (self.text[:start] + new + self.text[end:]).encode()


def cut(content: bytes, path: KeyPath) -> tuple[bytes, bytes, bytes] | None:
    """Return what is before the mapping at ``path``, its own text, and what is behind it.

    A few lines are read over and over much faster than their file is. None where they are no text of their own.
    """
    source = Source(content)
    place = source.document.node(path)
    if not isinstance(place, tuple) or not place[2]:
        return None
    start, end = _start(place), _end(place, source.text)
    if not place[0].flow_style:
        start, end = source.line_start(start), source.line_end(end)
    found = source.text[start:end]
    if not place[0].flow_style and source.newline not in found:
        return None  # a line that is put in ends as the file's lines do
    head = source.mark + source.text[:start].encode()
    return head, found.encode(), source.text[end:].encode()


def remove(content: bytes, path: KeyPath) -> bytes:
    """Take one entry out of a mapping or list; the comments in its lines stay, each on a line of its own."""
    source = Source(content)
    flow, entries = _entries(source, path[:-1])
    position = _position(entries, path[-1])
    if flow:
        return _remove_in_flow(source, entries, position)
    _, start, end = entries[position]
    line, after = source.line_start(start), source.line_end(end)
    indent = re.match(r"[ \t]*", source.text[line:])
    ends = [_end(scalar, source.text) for scalar in _scalars(source.document.node(path))] + [start]
    kept = [
        f"{indent[0] if indent else ''}{comment}{source.newline}" for comment in _comments(source, line, after, ends)
    ]
    return source.replaced(line, after, "".join(kept))


def insert(content: bytes, path: KeyPath, entry: str, *, behind: str) -> bytes:
    """Put the text of an entry into the mapping at ``path``, behind the one with the key ``behind``."""
    source = Source(content)
    flow, entries = _entries(source, path)
    _, start, end = entries[_position(entries, behind)]
    if flow:
        return source.replaced(end, end, f", {entry}")
    after = source.line_end(end)
    indent = source.text[source.line_start(start) : start]
    if source.text[:after].endswith(("\n", "\r")):
        return source.replaced(after, after, f"{indent}{entry}{source.newline}")
    return source.replaced(after, after, f"{source.newline}{indent}{entry}")


def below(source: Source, path: KeyPath) -> int:
    """Return where the line begins that follows the value at a path."""
    return source.line_end(_end(source.document.node(path), source.text))


def insert_first(content: bytes, path: KeyPath, entry: str) -> bytes:
    """Put the text of an entry at the head of a list: an empty one is in flow style."""
    source = Source(content)
    flow, entries = _entries(source, path)
    if not entries:
        start = _start(source.document.node(path)) + 1
        return source.replaced(start, start, entry + (" " if source.text[start] == "#" else ""))
    start = entries[0][1]
    if flow:
        return source.replaced(start, start, f"{entry}, ")
    line = source.line_start(start)
    return source.replaced(line, line, f"{source.text[line:start]}{entry}{source.newline}")


def set_value(content: bytes, path: KeyPath, value: str) -> bytes:
    """Put the text of a value in place of a scalar or of a collection in flow style."""
    source = Source(content)
    place = source.document.node(path)
    if _is_nothing(place):
        _, entries = _entries(source, path[:-1])
        _, _, end = entries[_position(entries, path[-1])]
        return source.replaced(end, end, f" {value}" if source.text[end - 1] == ":" else f": {value}")
    start, end = _start(place), _end(place, source.text)
    return source.replaced(start, end, value)


def set_list(content: bytes, path: KeyPath, before: list[str], after: list[str], spell: Callable[[str], str]) -> bytes:
    """Turn one list of different texts into another: entries come at the head, and go one by one."""
    kept = [entry for entry in before if entry in after]
    coming = after[: len(after) - len(kept)]
    if after[len(coming) :] != kept:
        kept, coming = [], after
    for entry in reversed(coming):
        content = insert_first(content, path, spell(entry))
    for position, entry in reversed(list(enumerate(before, len(coming)))):
        if entry not in kept:
            content = remove(content, (*path, position))
    in_flow = isinstance(Source(content).document.node(path), tuple)  # of a block list nothing is left
    return content if after or in_flow else set_value(content, path, "[]")


def _start(place: Any) -> int:
    event = place[0] if isinstance(place, tuple) else place
    return int(event.start_mark.index)


def _end(place: Any, text: str) -> int:
    """Return where a value ends: libyaml ends a block collection at the next token, so that its last value counts."""
    if not isinstance(place, tuple):
        end = int(place.end_mark.index)
        return end if place.style not in ("|", ">") else len(text[:end].rstrip())
    first, last, children = place
    if first.flow_style:
        return int(last.end_mark.index)
    inside = [child for _, child in children.values()] if isinstance(children, dict) else children
    return _end(inside[-1], text) if inside else int(first.end_mark.index)


def _is_nothing(place: Any) -> bool:
    """Is this the value of a key with nothing behind it? libyaml puts that at the next token, past all comments."""
    return not isinstance(place, tuple) and place.implicit[0] and place.value == ""


def _entries(source: Source, path: KeyPath) -> tuple[bool, list[tuple[str | int, int, int]]]:
    """Return whether the collection at ``path`` is in flow style, and each entry's key or index, start and end."""
    place = source.document.node(path)
    if not isinstance(place, tuple):
        raise CannotEdit
    first, _, children = place
    found: list[tuple[str | int, int, int]] = []
    if isinstance(children, dict):
        for key, (event, child) in children.items():
            end = _end(event, source.text)
            colon = _COLON.match(source.text, end)
            after = colon.end() if colon else end
            found.append((key, _start(event), after if _is_nothing(child) else _end(child, source.text)))
    else:
        found = [(index, _start(child), _end(child, source.text)) for index, child in enumerate(children)]
    return bool(first.flow_style), found


def _position(entries: list[tuple[str | int, int, int]], key: str | int) -> int:
    found = next((number for number, entry in enumerate(entries) if entry[0] == key), None)
    if found is None:
        raise CannotEdit
    return found


def _scalars(place: Any) -> Iterator[Any]:
    """Give all scalars below a place, keys too."""
    if not isinstance(place, tuple):
        yield place
        return
    for child in place[2].values() if isinstance(place[2], dict) else place[2]:
        if isinstance(place[2], dict):
            yield child[0]
        yield from _scalars(child[1] if isinstance(place[2], dict) else child)


def _comments(source: Source, start: int, end: int, ends: list[int]) -> list[str]:
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


def _remove_in_flow(source: Source, entries: list[tuple[str | int, int, int]], position: int) -> bytes:
    """Take an entry and one comma out of ``{…}`` or ``[…]``; comments around them stay, with their lines."""
    _, start, end = entries[position]
    is_last = position + 1 == len(entries)
    comma = _comma(source.text, end)
    if comma is not None:
        between, after = source.text[end:comma], comma + 1
        if "#" in between:
            return source.replaced(start, after, between)
        return source.replaced(start, after if is_last else _past_blanks(source.text, start, after), "")
    if position == 0:
        return source.replaced(start, _past_blanks(source.text, start, end), "")
    comma = _comma(source.text, entries[position - 1][2])
    if comma is None:
        raise CannotEdit
    between = source.text[comma + 1 : start]
    return source.replaced(comma, end, between if "#" in between else "")


def _past_blanks(text: str, start: int, index: int) -> int:
    """Return where the blanks behind an offset end; before a comment one stays where none stands before ``start``."""
    while text[index] in " \t" and (text[index + 1] != "#" or text[start - 1].isspace()):
        index += 1
    return index


def _comma(text: str, index: int) -> int | None:
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
