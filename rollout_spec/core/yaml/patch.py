"""Edits of one entry of a YAML text. All other bytes stay.

The comments of an entry are those on its lines, those directly above it in its column, and those directly below it that
are indented deeper. They stay with the entry, and go with it.

Each function takes the whole text of a file and returns the edited text, or raises CannotEditError.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from rollout_spec.core.findings import KeyPath
from rollout_spec.core.yaml.entries import (
    CannotEditError,
    Entry,
    EntryText,
    comma_behind,
    end_of,
    entries_of,
    is_nothing,
    newline_of,
    past_blanks,
    position_of,
    start_of,
)

_DASH = re.compile(r"([ \t]*)-[ \t]+")
_LEADING_COMMA = re.compile(r"[ \t]*(,[ \t]*)?")
_REST_OF_LINE = re.compile(r"[ \t]*(?:(,)[ \t]*)?(?:#[^\r\n]*)?(?:\r\n|\n|\r)")
_MAPPING = rb":[ \t]*(?:(?P<flow>\{[^\r\n]*\})|(?:#[^\r\n]*)?\r?\n(?P<block>(?:\1 [^\n]*(?:\n|\Z))+))"
_SIMPLE = re.compile(r'"?([A-Za-z0-9._+-]+)"?')


def cut(content: bytes, key: str) -> tuple[bytes, bytes, bytes] | None:
    """Return the text before the first mapping at a key of any depth, its own text, and the text after it.

    Parsing a few lines repeatedly is much faster than parsing the whole file. Lines are read without a parser, so the
    caller must verify that this is the right mapping. None if no lines look like it.
    """
    match = re.search(rb"^( *)" + re.escape(key.encode()) + _MAPPING, content, re.MULTILINE)
    if match is None:
        return None
    start, end = match.span("flow" if match["flow"] else "block")
    inner = content[start:end]
    if match["block"] and newline_of(inner.decode()) != newline_of(content.decode()):
        return None  # the newline of the file cannot be told from the cut text
    return content[:start], inner, content[end:]


def remove(content: bytes, path: KeyPath) -> bytes:
    """Remove one entry of a mapping or list, with its comments."""
    source = EntryText(content)
    flow, entries = entries_of(source, path[:-1])
    position = position_of(entries, path[-1])
    if flow:
        return _remove_in_flow(source, entries, position)
    start, end = _lines_of(source, entries[position])
    if not source.text.endswith(("\n", "\r")) and end == len(source.text):
        start = source.break_before(start)
    return source.replaced(start, end, "")


def insert(content: bytes, path: KeyPath, entry: str, *, behind: str) -> bytes:
    """Insert the text of an entry into the mapping at ``path``, after the entry with the key ``behind``."""
    source = EntryText(content)
    flow, entries = entries_of(source, path)
    previous = entries[position_of(entries, behind)]
    start, end = previous.start, previous.end
    if flow:
        return source.replaced(end, end, f", {entry}")
    indent = source.text[source.line_start(start) : start]
    after = source.comments_below(source.line_end(end), len(indent))
    if source.text[:after].endswith(("\n", "\r")):
        return source.replaced(after, after, f"{indent}{entry}{source.newline}")
    return source.replaced(after, after, f"{source.newline}{indent}{entry}")


def below(source: EntryText, path: KeyPath) -> int:
    """Return the offset of the line after the value at a path."""
    return source.line_end(end_of(source.document.node(path), source.text))


def insert_first(content: bytes, path: KeyPath, entry: str) -> bytes:
    """Insert the text of an entry at the head of a list. An empty list is in flow style."""
    source = EntryText(content)
    flow, entries = entries_of(source, path)
    if not entries:
        start = start_of(source.document.node(path)) + 1
        return source.replaced(start, start, entry + (" " if source.text[start] == "#" else ""))
    start, dash = entries[0].start, entries[0].head
    line = source.line_start(start if dash is None else dash)
    indent = source.text[line:start] if dash is None else f"{source.text[line:dash]}- "
    if flow and indent.strip():
        return source.replaced(start, start, f"{entry}, ")
    above, _ = _lines_of(source, entries[0])
    return source.replaced(above, above, f"{indent}{entry}{',' if flow else ''}{source.newline}")


def set_value(content: bytes, path: KeyPath, value: str) -> bytes:
    """Replace a scalar, keeping its quotes, or a collection in flow style."""
    source = EntryText(content)
    node = source.document.node(path)
    if is_nothing(node):
        _, entries = entries_of(source, path[:-1])
        end = entries[position_of(entries, path[-1])].end
        return source.replaced(end, end, f" {value}" if source.text[end - 1] == ":" else f": {value}")
    start, end = start_of(node), end_of(node, source.text)
    plain, written = _SIMPLE.fullmatch(value), source.document.scalar(path)
    if plain and written is not None and written.style in ("'", '"'):
        value = f"{written.style}{plain[1]}{written.style}"
    return source.replaced(start, end, value)


def set_list(content: bytes, path: KeyPath, before: list[str], after: list[str], spell: Callable[[str], str]) -> bytes:
    """Change a list of unique texts: insert new entries at the head, and remove others one by one."""
    kept = [entry for entry in before if entry in after]
    added = after[: len(after) - len(kept)]
    if after[len(added) :] != kept:
        kept, added = [], after
    for entry in reversed(added):
        content = insert_first(content, path, spell(entry))
    for position, entry in reversed(list(enumerate(before, len(added)))):
        if entry not in kept:
            content = remove(content, (*path, position))
    in_flow = isinstance(EntryText(content).document.node(path), tuple)  # an empty block list leaves no value
    return content if after or in_flow else set_value(content, path, "[]")


def _lines_of(source: EntryText, entry: Entry) -> tuple[int, int]:
    """Return the offsets at which the lines of an entry and its comments begin and end."""
    start = entry.start if entry.head is None else entry.head
    line = source.line_start(start)
    column = start - line
    if (dash := _DASH.match(source.text, line)) and dash.end() == start:
        column = len(dash[1])
    return source.comments_above(line, column), source.comments_below(source.line_end(entry.end), column)


def _remove_in_flow(source: EntryText, entries: list[Entry], position: int) -> bytes:
    """Remove an entry and one comma from ``{…}`` or ``[…]``. A comment on a line that stays stays too."""
    start, end = entries[position].start, entries[position].end
    is_last = position + 1 == len(entries)
    before = entries[position - 1].end if position else start
    if source.text[before:start] == ", ":  # as it is put in
        return source.replaced(before, end, "")
    comma = comma_behind(source.text, end)
    leading = _LEADING_COMMA.fullmatch(source.text, source.line_start(start), start)
    rest = _REST_OF_LINE.match(source.text, end)
    if leading and rest and not (leading[1] and rest[1]):
        other = None  # the comma on another line, unless the one on this line is enough
        if not leading[1] and not rest[1]:
            other = comma if comma is not None else comma_behind(source.text, before) if position else None
        after = past_blanks(source.text, start, other + 1) if other is not None else 0
        commas = [(other, after if comma is not None else other + 1)] if other is not None else []
        return source.without(_lines_of(source, entries[position]), *commas)
    if comma is not None:
        between, after = source.text[end:comma], comma + 1
        if "#" in between:
            return source.replaced(start, after, between)
        return source.replaced(start, after if is_last else past_blanks(source.text, start, after), "")
    if position == 0:
        return source.replaced(start, past_blanks(source.text, start, end), "")
    comma = comma_behind(source.text, before)
    if comma is None:
        raise CannotEditError
    between = source.text[comma + 1 : start]
    return source.replaced(comma, end, between if "#" in between else "")
