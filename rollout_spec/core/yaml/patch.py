"""Edits of one entry of a YAML text. Comments and all other bytes stay.

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
    comments_in,
    end_of,
    entries_of,
    is_nothing,
    past_blanks,
    position_of,
    scalars_of,
    start_of,
)

_SIMPLE = re.compile(r'"?([A-Za-z0-9._+-]+)"?')


def cut(content: bytes, path: KeyPath) -> tuple[bytes, bytes, bytes] | None:
    """Return the text before the mapping at ``path``, its own text, and the text after it.

    Parsing a few lines repeatedly is much faster than parsing the whole file. None if the lines cannot be parsed alone.
    """
    source = EntryText(content)
    node = source.document.node(path)
    if not isinstance(node, tuple) or not node[2]:
        return None
    start, end = start_of(node), end_of(node, source.text)
    if not node[0].flow_style:
        start, end = source.line_start(start), source.line_end(end)
    inner = source.text[start:end]
    if not node[0].flow_style and source.newline not in inner:
        return None  # the newline of the file cannot be told from the cut text
    head = source.mark + source.text[:start].encode()
    return head, inner.encode(), source.text[end:].encode()


def remove(content: bytes, path: KeyPath) -> bytes:
    """Remove one entry of a mapping or list. Comments in its lines stay, each on its own line."""
    source = EntryText(content)
    flow, entries = entries_of(source, path[:-1])
    position = position_of(entries, path[-1])
    if flow:
        return _remove_in_flow(source, entries, position)
    entry = entries[position]
    start, end = entry.start if entry.head is None else entry.head, entry.end
    line, after = source.line_start(start), source.line_end(end)
    indent = re.match(r"[ \t]*", source.text[line:])
    ends = [end_of(scalar, source.text) for scalar in scalars_of(source.document.node(path))] + [start]
    kept = [f"{indent[0] if indent else ''}{comment}" for comment in comments_in(source, line, after, ends)]
    if not source.text.endswith(("\n", "\r")) and after == len(source.text):
        return source.replaced(
            source.break_before(line), after, "".join(f"{source.newline}{comment}" for comment in kept)
        )
    return source.replaced(line, after, "".join(f"{comment}{source.newline}" for comment in kept))


def insert(content: bytes, path: KeyPath, entry: str, *, behind: str) -> bytes:
    """Insert the text of an entry into the mapping at ``path``, after the entry with the key ``behind``."""
    source = EntryText(content)
    flow, entries = entries_of(source, path)
    previous = entries[position_of(entries, behind)]
    start, end = previous.start, previous.end
    if flow:
        return source.replaced(end, end, f", {entry}")
    after = source.line_end(end)
    indent = source.text[source.line_start(start) : start]
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
    if flow:
        return source.replaced(start, start, f"{entry}, ")
    line = source.line_start(start if dash is None else dash)
    indent = source.text[line:start] if dash is None else f"{source.text[line:dash]}- "
    return source.replaced(line, line, f"{indent}{entry}{source.newline}")


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


def _remove_in_flow(source: EntryText, entries: list[Entry], position: int) -> bytes:
    """Remove an entry and one comma from ``{…}`` or ``[…]``. Comments around them stay on their lines."""
    start, end = entries[position].start, entries[position].end
    is_last = position + 1 == len(entries)
    before = entries[position - 1].end if position else start
    if source.text[before:start] == ", ":  # as it is put in
        return source.replaced(before, end, "")
    comma = comma_behind(source.text, end)
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
